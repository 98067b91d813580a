-- A worker asks whether the migrations of its version were applied before it takes a message.

GRANT SELECT (version) ON __diesel_schema_migrations TO paynow_worker;
