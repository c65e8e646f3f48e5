"""Rules for what only a cluster has: rights, nodes, pods, containers, DNS."""
