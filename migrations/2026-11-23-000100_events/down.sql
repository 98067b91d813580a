DROP TABLE suspects;
DROP TABLE dead_letters;
DROP TABLE products;
DROP TABLE reversals;
DROP TYPE reversal_kind;
DROP TABLE orders;
DROP FUNCTION forget_payloads(bigint, integer);
DROP TABLE webhook_events;
DROP TYPE event_outcome;
