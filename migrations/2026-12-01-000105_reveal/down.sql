DROP FUNCTION reveal_letter(bytea, bigint, text);
