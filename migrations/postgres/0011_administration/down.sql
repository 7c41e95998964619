DROP TABLE registration_tokens;
DROP TABLE password_resets;
DROP TABLE account_rules;
