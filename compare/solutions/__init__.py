"""A solution file, run in a child process, and its points."""
