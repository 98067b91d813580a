DROP FUNCTION fill_letter_contents(integer);
DROP TRIGGER dead_letters_content ON dead_letters;
DROP FUNCTION read_letter_content();
DROP FUNCTION letter_content(bytea);
DROP FUNCTION letter_id(text);
DROP STATISTICS dead_letters_kinds;
ALTER TABLE dead_letters DROP COLUMN order_id, DROP COLUMN wallet_ids, DROP COLUMN product_lines,
    DROP COLUMN content_read;
