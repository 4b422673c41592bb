"""Looking into files that lie on a host: what kind a file is, and how it is shown. Knows no screen and no terminal."""
