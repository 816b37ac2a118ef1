"""A dispatcher as a process of its own, under a load that does not wait for its answers."""
