"""AWS on this machine: moto's server, mended where the program or its jobs would meet something AWS does not do."""
