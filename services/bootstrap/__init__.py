"""Run once per store by the deployer: functions, epoch, group, durability."""
