"""What every process needs to run: settings, connections, logs, traces."""
