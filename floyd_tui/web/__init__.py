"""The app in a browser on this machine: textual-serve behind a gate that only the printed address opens."""
