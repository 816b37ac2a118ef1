"""What operators see of the running dispatcher: logs, metrics and health."""
