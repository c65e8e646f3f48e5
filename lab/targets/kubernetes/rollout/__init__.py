"""Follows a rollout until every part of a stack runs, or cannot run."""
