DROP INDEX dead_letters_ids_idx;
