"""What the host and its jobs use: sampled once a second, kept for each job, and read for hints."""
