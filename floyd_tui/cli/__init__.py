"""The command line: everything the app does, headless. One module a group of commands, imported when used."""
