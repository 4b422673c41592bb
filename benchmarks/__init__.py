"""Side-by-side benchmarks: each row is a ratio to a peer measured in the same run, since machines are noisy."""
