/* A played GPU driver: what nvidia-ml-py asks of libnvidia-ml.so.1, answered from a text file that a test may replace.
 *
 * FLOYD_FAKE_NVML names the file; without it no driver is loaded. One line a device, of words KEY=VALUE:
 *   kind=gpu uuid=GPU-1 name=NVIDIA_A100 use=87 used=64000 total=80000 ... processes=12:4096,13:4096
 * A device of kind=mig is a part of the GPU on the nearest line of kind=gpu above it, which then says mig=1. What a
 * line leaves out is "not supported", lost=1 is a GPU that fell off the bus, and slow=20 one whose answers take 20 ms.
 * A line of kind=driver refuses to begin with the NVML error in refuses=. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, DRIVER_NOT_LOADED = 9,
    GPU_IS_LOST = 15, LIB_RM_VERSION_MISMATCH = 18
};
enum { MOST = 64, LINE = 2048, WHOLE = INT_MAX };

typedef struct { unsigned pid; unsigned long long memory; unsigned gpu_instance, compute_instance; } Process;

static char lines[MOST][LINE];
static int count;

/* Read the file if it is another one than last time; nvidia-ml-py's caller holds a lock. */
static void refresh(void) {
    static struct stat last;
    const char *path = getenv("FLOYD_FAKE_NVML");
    struct stat now;
    FILE *file;
    if (!path || stat(path, &now)) {
        count = -1;
        return;
    }
    if (now.st_ino == last.st_ino && !memcmp(&now.st_mtim, &last.st_mtim, sizeof now.st_mtim)) return;
    if (!(file = fopen(path, "r"))) return;
    last = now;
    for (count = 0; count < MOST && fgets(lines[count], LINE, file); count++) lines[count][strcspn(lines[count], "\n")] = 0;
    fclose(file);
}

/* The value of `key` in a line; NULL if the line does not have it. It ends at a space or at the line's end. */
static const char *find(const char *line, const char *key) {
    size_t length = strlen(key);
    for (const char *word = line; word; word = strchr(word, ' ')) {
        word += *word == ' ';
        if (!strncmp(word, key, length) && word[length] == '=') return word + length + 1;
    }
    return NULL;
}

static int is(const char *line, const char *kind) {
    const char *value = find(line, "kind");
    return value && !strncmp(value, kind, strlen(kind));
}

static int ask(void *handle, const char *key, const char **value) {
    size_t index = (size_t)handle - 1;
    const char *slow;
    refresh();
    if ((int)index >= count) return INVALID_ARGUMENT;
    if ((slow = find(lines[index], "slow"))) usleep(1000 * (unsigned)atoi(slow));
    if (find(lines[index], "lost")) return GPU_IS_LOST;
    return (*value = find(lines[index], key)) ? SUCCESS : NOT_SUPPORTED;
}

static int ask_long(void *handle, const char *key, unsigned long long *answer) {
    const char *value;
    int result = ask(handle, key, &value);
    if (!result) *answer = strtoull(value, NULL, 0);
    return result;
}

static int ask_int(void *handle, const char *key, unsigned *answer) {
    unsigned long long value = 0;
    int result = ask_long(handle, key, &value);
    if (!result) *answer = (unsigned)value;
    return result;
}

static int ask_text(void *handle, const char *key, char *text, unsigned length) {
    const char *value;
    int result = ask(handle, key, &value);
    if (result) return result;
    snprintf(text, length, "%.*s", (int)strcspn(value, " "), value);
    for (char *c = text; *c; c++)
        if (*c == '_') *c = ' ';
    return SUCCESS;
}

/* The handle of the `index`th device of `kind` from line `from` on; parts end at the next GPU. */
static int device(int from, const char *kind, unsigned index, void **handle) {
    for (int i = from; i < count; i++) {
        if (strcmp(kind, "gpu") && is(lines[i], "gpu")) break;
        if (is(lines[i], kind) && index-- == 0) {
            *handle = (void *)(size_t)(i + 1);
            return find(lines[i], "lost") ? GPU_IS_LOST : SUCCESS;
        }
    }
    return strcmp(kind, "gpu") ? NOT_FOUND : INVALID_ARGUMENT;
}

int nvmlInitWithFlags(unsigned flags) {
    const char *refuses;
    (void)flags;
    refresh();
    if (count < 0) return DRIVER_NOT_LOADED;
    return count && (refuses = find(lines[0], "refuses")) ? atoi(refuses) : SUCCESS;
}

int nvmlShutdown(void) { return SUCCESS; }

const char *nvmlErrorString(int result) {
    switch (result) {
    case SUCCESS: return "Success";
    case NOT_SUPPORTED: return "Not Supported";
    case NOT_FOUND: return "Not Found";
    case INSUFFICIENT_SIZE: return "Insufficient Size";
    case DRIVER_NOT_LOADED: return "Driver Not Loaded";
    case GPU_IS_LOST: return "GPU is lost";
    case LIB_RM_VERSION_MISMATCH: return "Driver/library version mismatch";
    default: return "Invalid Argument";
    }
}

int nvmlDeviceGetCount_v2(unsigned *found) {
    refresh();
    *found = 0;
    for (int i = 0; i < count; i++) *found += is(lines[i], "gpu");
    return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
    refresh();
    return device(0, "gpu", index, handle);
}

int nvmlDeviceGetHandleByUUID(const char *uuid, void **handle) {
    refresh();
    for (int i = 0; i < count; i++) {
        const char *value = find(lines[i], "uuid");
        if (!value || strlen(uuid) != strcspn(value, " ") || strncmp(uuid, value, strlen(uuid))) continue;
        *handle = (void *)(size_t)(i + 1);
        return find(lines[i], "lost") ? GPU_IS_LOST : SUCCESS;
    }
    return NOT_FOUND;
}

int nvmlDeviceGetName(void *handle, char *name, unsigned length) { return ask_text(handle, "name", name, length); }
int nvmlDeviceGetUUID(void *handle, char *uuid, unsigned length) { return ask_text(handle, "uuid", uuid, length); }

int nvmlDeviceGetUtilizationRates(void *handle, unsigned rates[2]) {
    rates[1] = 0;
    return ask_int(handle, "use", rates);
}

int nvmlDeviceGetMemoryInfo(void *handle, unsigned long long memory[3]) {
    int result = ask_long(handle, "total", &memory[0]);
    if (!result) result = ask_long(handle, "used", &memory[2]);
    if (!result) memory[1] = memory[0] - memory[2];
    return result;
}

int nvmlDeviceGetTemperature(void *handle, int sensor, unsigned *degrees) {
    (void)sensor;
    return ask_int(handle, "temperature", degrees);
}

int nvmlDeviceGetPowerUsage(void *handle, unsigned *milliwatts) { return ask_int(handle, "power", milliwatts); }
int nvmlDeviceGetEnforcedPowerLimit(void *handle, unsigned *limit) { return ask_int(handle, "limit", limit); }

int nvmlDeviceGetClockInfo(void *handle, int type, unsigned *mhz) {
    static const char *const keys[] = {"graphics_clock", "sm_clock", "memory_clock", "video_clock"};
    return type < 0 || type > 3 ? INVALID_ARGUMENT : ask_int(handle, keys[type], mhz);
}

int nvmlDeviceGetMaxClockInfo(void *handle, int type, unsigned *mhz) {
    static const char *const keys[] = {"graphics_max", "sm_max", "memory_max", "video_max"};
    return type < 0 || type > 3 ? INVALID_ARGUMENT : ask_int(handle, keys[type], mhz);
}

int nvmlDeviceGetCurrentClocksThrottleReasons(void *handle, unsigned long long *reasons) {
    return ask_long(handle, "throttle", reasons);
}

int nvmlDeviceGetTotalEccErrors(void *handle, int type, int counter, unsigned long long *errors) {
    (void)counter;
    return ask_long(handle, type == 1 ? "uncorrected" : "corrected", errors);
}

int nvmlDeviceGetMigMode(void *handle, unsigned *current, unsigned *pending) {
    int result = ask_int(handle, "mig", current);
    *pending = result ? 0 : *current;
    return result;
}

int nvmlDeviceGetMaxMigDeviceCount(void *handle, unsigned *most) {
    unsigned mig = 0;
    int result = ask_int(handle, "mig", &mig);
    *most = result || !mig ? 0 : 7;
    return result == NOT_SUPPORTED ? SUCCESS : result;
}

int nvmlDeviceGetMigDeviceHandleByIndex(void *handle, unsigned index, void **part) {
    const char *value;
    int result = ask(handle, "mig", &value);
    return result ? result : device((int)(size_t)handle, "mig", index, part);
}

int nvmlDeviceGetComputeRunningProcesses_v3(void *handle, unsigned *room, Process *found) {
    const char *value;
    unsigned wanted = 0, pid;
    unsigned long long memory;
    int used, result = ask(handle, "processes", &value);
    if (result) return result;
    for (; sscanf(value, "%u:%llu%n", &pid, &memory, &used) == 2; value += used + (value[used] == ',')) {
        if (found && wanted < *room) found[wanted] = (Process){pid, memory, WHOLE, WHOLE};
        wanted++;
    }
    result = wanted > (found ? *room : 0) ? INSUFFICIENT_SIZE : SUCCESS;
    *room = wanted;
    return result;
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(void *handle, unsigned *room, Process *found) {
    const char *value;
    int result = ask(handle, "processes", &value);
    (void)found;
    *room = 0;
    return result;
}
