DROP INDEX dead_letters_by_type_idx;
