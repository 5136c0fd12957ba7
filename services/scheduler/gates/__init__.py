"""What a run or a job that could go on may still have to wait for: an environment's protection, a concurrency group."""
