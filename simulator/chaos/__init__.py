"""Real processes, real servers and a real network under faults; judged from raw histories."""
