DROP INDEX dead_letters_unread_idx;
