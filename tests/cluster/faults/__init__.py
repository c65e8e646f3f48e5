"""Real faults on the rig; `lab diagnose` finds them, and its next steps cure them."""
