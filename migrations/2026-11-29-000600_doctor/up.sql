-- `paynowctl doctor` tells whether the migrations of its version were applied.

GRANT SELECT (version) ON __diesel_schema_migrations TO paynow_reader;
