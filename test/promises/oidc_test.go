package promises

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filo/internal/app"
	"filo/internal/clock"
	"filo/internal/config"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// provider is a small OpenID Connect provider that signs in whoever comes as
// the subject it is told.
type provider struct {
	*httptest.Server
	key     *rsa.PrivateKey
	subject string
	nonce   string
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{key: key, subject: "RSSMRA-esempio"}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "1", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("GET /auth", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		p.nonce = q.Get("nonce")
		if q.Get("code_challenge_method") != "S256" {
			http.Error(w, "no PKCE", http.StatusBadRequest)
			return
		}
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"state": {q.Get("state")}, "code": {"c"}}.Encode(), http.StatusFound)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "1"}}, nil)
		if err != nil {
			t.Error(err)
			return
		}
		now := time.Now()
		raw, err := jwt.Signed(s).Claims(jwt.Claims{Issuer: p.URL, Subject: p.subject, Audience: jwt.Audience{"filo"}, Expiry: jwt.NewNumericDate(now.Add(time.Minute)), IssuedAt: jwt.NewNumericDate(now)}).
			Claims(map[string]any{"nonce": p.nonce}).Serialize()
		if err != nil {
			t.Error(err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": raw})
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func TestAnAccountTiedToAProviderComesInThroughItAndNobodyElseDoes(t *testing.T) {
	idp := newProvider(t)
	dir := t.TempDir()
	c := config.Default()
	c.Data, c.Database = dir, "sqlite:"+filepath.Join(dir, "filo.db")
	c.OIDC = config.OIDC{Issuer: idp.URL, Client: "filo", Secret: "s", Name: "Prova"}
	session, _, _, _ := place(t, c)
	// The address of the pages must be known before the provider is told of it.
	srv := httptest.NewUnstartedServer(nil)
	c.Public = "http://" + srv.Listener.Addr().String()
	n, err := app.Build(t.Context(), c, clock.System{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if srv.Config.Handler, err = n.Pages(); err != nil {
		t.Fatal(err)
	}
	srv.Start()
	defer srv.Close()

	owner := client(t)
	u, _ := url.Parse(srv.URL)
	owner.Jar.SetCookies(u, []*http.Cookie{{Name: "filo", Value: session}})
	if to := trip(t, owner, srv.URL); to != "/account" {
		t.Fatalf("tying ends at %s", to)
	}
	other := client(t)
	if to := trip(t, other, srv.URL); to != "/" {
		t.Fatalf("the tied identity ends at %q", to)
	}
	if code, page := ask(t, other, "GET", srv.URL+"/", objects{}); code != http.StatusOK || !strings.Contains(page, "Enna") {
		t.Errorf("after coming in: %d", code)
	}
	idp.subject = "un-altro"
	if to := trip(t, client(t), srv.URL); to != "403" {
		t.Errorf("an identity that is tied to nobody ends at %q", to)
	}
	// An answer that another browser began must not count here.
	res, err := client(t).Get(srv.URL + "/entra/oidc/ritorno?state=x&code=c")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("a foreign answer: %s", res.Status)
	}
}

// trip goes to the provider and back and gives where it ends.
func trip(t *testing.T, c *http.Client, base string) string {
	t.Helper()
	res, err := c.PostForm(base+"/entra/oidc", nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	for range 2 {
		to := res.Header.Get("Location")
		if !strings.HasPrefix(to, "http") {
			t.Fatalf("no way to go on: %s %q", res.Status, to)
		}
		if res, err = c.Get(to); err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	if res.StatusCode == http.StatusForbidden {
		return "403"
	}
	return res.Header.Get("Location")
}
