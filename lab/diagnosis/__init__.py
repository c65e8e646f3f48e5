"""What is wrong with a deployment, why, what to do: pure rules over one look at a namespace."""
