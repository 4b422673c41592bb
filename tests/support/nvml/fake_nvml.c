/* A played GPU driver: what nvidia-ml-py asks of libnvidia-ml.so.1, answered from a text file that a test may rewrite.
 *
 * FLOYD_FAKE_NVML names the file: one line a GPU,
 *   name uuid use% memory_used memory_total temperature milliwatts limit_milliwatts
 * where "-" in place of a number means "not supported" and a name of "lost" a GPU that fell off the bus. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, DRIVER_NOT_LOADED = 9, GPU_IS_LOST = 15 };
enum { NAME, UUID, USE, USED, TOTAL, TEMPERATURE, POWER, LIMIT, FIELDS };
typedef struct { char field[FIELDS][96]; } Gpu;

static int read_gpus(Gpu *gpus, int most) {
    const char *path = getenv("FLOYD_FAKE_NVML");
    FILE *file = path ? fopen(path, "r") : NULL;
    char line[1024];
    int count = 0;
    if (!file) return -1;
    while (count < most && fgets(line, sizeof line, file)) {
        Gpu *gpu = &gpus[count];
        if (sscanf(line, "%95s %95s %95s %95s %95s %95s %95s %95s", gpu->field[0], gpu->field[1], gpu->field[2],
                   gpu->field[3], gpu->field[4], gpu->field[5], gpu->field[6], gpu->field[7]) == FIELDS)
            count++;
    }
    fclose(file);
    return count;
}

static int ask(void *handle, int field, unsigned long long *number, char *text, unsigned length) {
    Gpu gpus[16];
    size_t index = (size_t)handle - 1;
    if ((int)index >= read_gpus(gpus, 16)) return INVALID_ARGUMENT;
    if (!strcmp(gpus[index].field[NAME], "lost")) return GPU_IS_LOST;
    if (!strcmp(gpus[index].field[field], "-")) return NOT_SUPPORTED;
    if (number) *number = strtoull(gpus[index].field[field], NULL, 10);
    if (text) snprintf(text, length, "%s", gpus[index].field[field]);
    return SUCCESS;
}

static int ask_unsigned(void *handle, int field, unsigned *answer) {
    unsigned long long number = 0;
    int result = ask(handle, field, &number, NULL, 0);
    if (!result) *answer = (unsigned)number;
    return result;
}

int nvmlInitWithFlags(unsigned flags) {
    Gpu gpus[16];
    (void)flags;
    return read_gpus(gpus, 16) < 0 ? DRIVER_NOT_LOADED : SUCCESS;
}
int nvmlShutdown(void) { return SUCCESS; }
const char *nvmlErrorString(int result) {
    switch (result) {
    case NOT_SUPPORTED: return "Not Supported";
    case DRIVER_NOT_LOADED: return "Driver Not Loaded";
    case GPU_IS_LOST: return "GPU is lost";
    default: return result ? "Invalid Argument" : "Success";
    }
}
int nvmlDeviceGetCount_v2(unsigned *count) {
    Gpu gpus[16];
    int found = read_gpus(gpus, 16);
    *count = found < 0 ? 0 : (unsigned)found;
    return SUCCESS;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
    *handle = (void *)(size_t)(index + 1);
    return SUCCESS;
}
int nvmlDeviceGetName(void *handle, char *name, unsigned length) {
    int result = ask(handle, NAME, NULL, name, length);
    for (char *c = name; !result && *c; c++)
        if (*c == '_') *c = ' ';
    return result;
}
int nvmlDeviceGetUUID(void *handle, char *uuid, unsigned length) { return ask(handle, UUID, NULL, uuid, length); }
int nvmlDeviceGetUtilizationRates(void *handle, unsigned rates[2]) {
    rates[1] = 0;
    return ask_unsigned(handle, USE, rates);
}
int nvmlDeviceGetMemoryInfo(void *handle, unsigned long long memory[3]) {
    int result = ask(handle, TOTAL, &memory[0], NULL, 0);
    if (!result) result = ask(handle, USED, &memory[2], NULL, 0);
    if (!result) memory[1] = memory[0] - memory[2];
    return result;
}
int nvmlDeviceGetTemperature(void *handle, int sensor, unsigned *degrees) {
    (void)sensor;
    return ask_unsigned(handle, TEMPERATURE, degrees);
}
int nvmlDeviceGetPowerUsage(void *handle, unsigned *milliwatts) { return ask_unsigned(handle, POWER, milliwatts); }
int nvmlDeviceGetEnforcedPowerLimit(void *handle, unsigned *limit) { return ask_unsigned(handle, LIMIT, limit); }
