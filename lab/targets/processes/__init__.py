"""The target `processes`: the services as local processes under a supervisor."""
