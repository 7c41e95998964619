use proptest::prelude::*;

use super::*;

/// Checks a password of Alice Liddell, on a relay at chat.example.org.
fn check(password: &str) -> Result<(), PasswordError> {
    let origins = ["https://chat.example.org:8443".to_owned()];
    let context = PasswordContext::new("alice", Some("Alice Liddell"), &origins);
    check_password(&Secret::new(password), &context)
}

fn list() -> Vec<&'static str> {
    COMMON.split_once("\n\n").unwrap().1.lines().collect()
}

#[test]
fn a_password_has_8_to_1024_bytes() {
    assert_eq!(check("tea4two"), Err(PasswordError::TooShort));
    assert_eq!(check("tea4two!"), Ok(()));
    assert_eq!(check(&"tea4two!".repeat(128)), Ok(()));
    assert_eq!(check(&format!("{}!", "tea4two!".repeat(128))), Err(PasswordError::TooLong));
}

#[test]
fn common_passwords_are_rejected_in_any_case() {
    for password in ["password1", "Password1", "PASSWORD1", "trustno1", "ｐａｓｓｗｏｒｄ１", "iloveyou", "qwer1234"]
    {
        assert_eq!(check(password), Err(PasswordError::Common), "{password}");
    }
    // What only contains one is not one.
    for password in ["xpassword1", "password1x", "my trustno1"] {
        assert_eq!(check(password), Ok(()), "{password}");
    }
}

#[test]
fn every_password_of_the_list_is_found_and_none_beside_it() {
    let list = list();
    assert_eq!(list.len(), 10_000);
    assert!(list.is_sorted(), "a search in halves needs the order");
    for password in &list {
        assert!(is_common(password), "{password}");
        assert!(password.len() >= PASSWORD_MIN && folded(password) == **password, "{password} is of no use");
        for other in [format!("{password}\n"), format!(" {password}"), format!("{password}~~")] {
            assert!(!is_common(&other), "{other}");
        }
    }
    for other in ["", "#", "\n", "~~~~~~~~~"] {
        assert!(!is_common(other), "{other}");
    }
}

#[test]
fn one_or_two_characters_are_not_enough() {
    for password in ["xxxxxxxx", &"x".repeat(1024), "abababab", "aAaAaAaA", "éééééééé", "0101010101010"] {
        assert_eq!(check(password), Err(PasswordError::TooUniform), "{password}");
    }
    assert_eq!(check("0102010201"), Ok(()));
}

#[test]
fn words_of_the_context_do_not_count() {
    for password in [
        "alice!23",
        "Alice2024",
        "2024alice",
        "ALICE-ferry",
        "Ferry2024",
        "ferryferry",
        "fErRy!!..",
        "aliceliddell",
        "Alice Liddell",
        "Liddell!1",
        "chat.example.org",
        "example.org1",
        "alice@example",
        "ａｌｉｃｅ！２３",
    ] {
        assert_eq!(check(password), Err(PasswordError::Predictable), "{password}");
    }
    for password in [
        "alice20245",
        "alice's ferry is late",
        "by my example",
        "the ferry to chatham",
        "al1ce-l1ddell",
        "correct horse",
    ] {
        assert_eq!(check(password), Ok(()), "{password}");
    }
    // Without a display name and origins there are fewer words.
    let nobody = PasswordContext::new("bob", None, &["nonsense".to_owned()]);
    assert_eq!(check_password(&Secret::new("alice liddell"), &nobody), Ok(()));
    assert_eq!(check_password(&Secret::new("bobbobbob1"), &nobody), Err(PasswordError::Predictable));
    // A name of one or two characters is in many words.
    let short = PasswordContext::new("joe", Some("A B"), &[]);
    assert_eq!(check_password(&Secret::new("aabbaacc"), &short), Ok(()));
}

#[test]
fn runs_do_not_count() {
    for password in [
        "abcdefghi",
        "stuvwxyz",
        "zyxwvutsr",
        "09876543210",
        "0123456789",
        "qwertyuio",
        "poiuytrew",
        "asdfghjklm!",
        "12345abcde",
        "qwertzuio",
        "aaaaaaab!",
        "111112222233333",
        "alice12345",
        "Ferry-QWERTY-12",
    ] {
        assert!(check(password).is_err(), "{password}");
        assert!(own_characters(&folded(password), &["alice".into(), "ferry".into()]) < OWN_MIN, "{password}");
    }
    for password in ["liberty-of", "12345 apples", "tea 4321 two", "abcd efgh ij"] {
        assert_eq!(check(password), Ok(()), "{password}");
    }
}

#[test]
fn no_error_says_what_the_password_was() {
    for password in ["canary7", "password1", "canarycanary"] {
        let context = PasswordContext::new("canary", None, &[]);
        let error = check_password(&Secret::new(password), &context).unwrap_err().to_string();
        assert!(!error.contains(password) && !error.contains("canary"), "{error}");
    }
}

proptest! {
    #[test]
    fn any_text_is_checked_without_a_panic(text in any::<String>(), name in any::<String>()) {
        let context = PasswordContext::new("alice", Some(&name), &[]);
        let _ = check_password(&Secret::new(text), &context);
    }

    #[test]
    fn whatever_has_many_characters_of_its_own_passes(words in "(alice|ferry|12345)*", own in "[bdhjkmov]{4}[xz]{1,20}") {
        // Six and more characters of which no word and no run is made.
        let is_uniform = own.chars().collect::<HashSet<_>>().len() < DIFFERENT_MIN;
        prop_assume!(!is_uniform && run_free(&own));
        let password = format!("{words}-{own}-{words}");
        if password.chars().count() >= PASSWORD_MIN {
            prop_assert_eq!(check(&password), Ok(()));
        }
    }
}

fn run_free(text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    (0..text.len()).all(|at| run_length(&text[at..]) < RUN_MIN)
}
