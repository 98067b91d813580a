DROP INDEX dead_letters_order_id_idx;
