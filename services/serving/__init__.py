"""Running one gRPC process well."""
