package promises

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func TestAPersonSeesWhereTheyAreSignedInAndEndsItFromAnywhere(t *testing.T) {
	d := start(t)
	home, lost, library := signIn(t, d, "Enna", 2), signIn(t, d, "Enna", 3), signIn(t, d, "Enna", 4)
	in := func(c *http.Client) bool {
		code, _ := ask(t, c, "GET", d.URL+"/account", objects{})
		return code == http.StatusOK
	}
	_, page := ask(t, home, "GET", d.URL+"/account", objects{})
	rows := regexp.MustCompile(`/account/sessioni/([0-9a-z]{26})/chiudi`).FindAllStringSubmatch(page, -1)
	if len(rows) != 2 {
		t.Fatalf("the page lists %d other sessions, want 2", len(rows))
	}
	// A stranger who knows the id of a session cannot end it.
	post(t, signIn(t, d, "Genova", 4), d.URL+"/account/sessioni/"+rows[0][1]+"/chiudi", url.Values{})
	if !in(lost) || !in(library) {
		t.Fatal("a stranger ends the sessions of others")
	}
	post(t, home, d.URL+"/account/sessioni/"+rows[0][1]+"/chiudi", url.Values{})
	if in(lost) == in(library) {
		t.Error("ending one session does not end that one alone")
	}
	post(t, home, d.URL+"/account/altre", url.Values{})
	if in(lost) || in(library) || !in(home) {
		t.Error("ending all others leaves one of them, or ends this one")
	}
}

func TestWhoGuessesPasswordsLocksOutNobodyButThemselves(t *testing.T) {
	d := start(t)
	guesser := client(t)
	p := d.People["Enna"]
	slowed := false
	for range 40 {
		code, _, _ := post(t, guesser, d.URL+"/entra", url.Values{"login": {p.Login}, "password": {"sbagliata davvero"}})
		slowed = slowed || code == http.StatusTooManyRequests
	}
	if !slowed {
		t.Error("forty wrong passwords are answered as fast as one")
	}
	// The owner comes from elsewhere; on one machine only the node can say so.
	if _, weak, err := d.Node.Entry.Enter(t.Context(), p.Login, "quattro gatti al municipio", "198.51.100.20", "altrove"); err != nil || weak.ID == "" {
		t.Errorf("the owner is locked out by the guesser: %v", err)
	}
	if _, _, page := post(t, guesser, d.URL+"/entra", url.Values{"login": {"nessuno@example"}, "password": {"sbagliata davvero"}}); strings.Contains(page, "non esiste") {
		t.Error("the answer tells who has an account")
	}
}
