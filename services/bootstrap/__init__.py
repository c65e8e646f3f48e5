"""Prepares a store once: functions, epoch, consumer group, durability class."""
