package demo

import "iter"

// user is one of those who can log in. They are made up, so that the page may show their passwords: a program of one's own
// keeps the hash alone.
type user struct {
	name     string // to log in with, and the subject of his sessions
	full     string
	password string
	hash     passwordHash
}

// madeUp returns the users of the demo. TestMadeUpUsers says what belongs here for a new one.
func madeUp() []user {
	return []user{
		{"anna", "Anna Berg", "quince-and-cloves", passwordHash{iterations,
			"ee9be6ecdf83813c62d0d38e5a948bce", "e5a0b6bc667ffd39d69e8764629566eb3cb72043ddde6e3661e2cdfd382d20c6"}},
		{"ben", "Ben Okafor", "three-salted-lemons", passwordHash{iterations,
			"8587a5a185ee14faf5403ef544ca314e", "61026ffbf1ceae746bfb88251fdb7f0ea1e14328a988faa0c401d2f1ff160491"}},
		{"chiara", "Chiara Lind", "pickle-the-beets", passwordHash{iterations,
			"057ed79740e05ed47b1bb3384866943d", "31f7d60068b8815b6aca43be1fb09e9c06ed38070c45db3279b93928dcd19b38"}},
	}
}

// Users yields the names and passwords of those who can log in.
func Users() iter.Seq2[string, string] {
	return func(yield func(name, password string) bool) {
		for _, u := range madeUp() {
			if !yield(u.name, u.password) {
				return
			}
		}
	}
}

func find(users []user, name string) (user, bool) {
	for _, u := range users {
		if u.name == name {
			return u, true
		}
	}
	return user{}, false
}
