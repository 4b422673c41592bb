"""The project folder on this machine: floyd.yml, ignore rules, snapshots, watching, and running it on a host."""
