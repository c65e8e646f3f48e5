"""Rules over a stack of local processes, and over the machine that it runs on."""
