REVOKE SELECT (version) ON __diesel_schema_migrations FROM paynow_reader;
