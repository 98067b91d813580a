DROP FUNCTION console_set_person(bytea, text, text, text, text[], bytea, integer, bytea);
DROP FUNCTION set_person(text, text, text, text, text[], bytea, integer, bytea);
