package promises

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"filo/internal/demo"
)

// token makes a token on the page of somebody's account.
func token(t *testing.T, d *demo.Demo, who string) string {
	t.Helper()
	c := signIn(t, d, who, 5)
	res, err := c.PostForm(d.URL+"/account/chiavi", url.Values{"name": {"prova"}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`filo_[A-Za-z0-9_-]{43}`).Find(b)
	if m == nil {
		t.Fatalf("no token on the page: %s", res.Status)
	}
	return string(m)
}

func call(t *testing.T, method, u, token string, body any) (int, map[string]any) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, u, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var out map[string]any
	_ = json.NewDecoder(res.Body).Decode(&out)
	return res.StatusCode, out
}

func TestAProgramSendsAReportAndNobodyElsesProgramSeesIt(t *testing.T) {
	d := start(t)
	enna, genova, palermo := token(t, d, "Enna"), token(t, d, "Genova"), token(t, d, "Palermo")
	code, r := call(t, "POST", d.URL+"/api/v1/reports", enna, map[string]any{"kind": "incidente", "title": "File cifrati", "happening_now": true, "values": []string{"203[.]0[.]113[.]8"}})
	if code != http.StatusOK || r["code"] == "" || r["state"] != "ricevuta" {
		t.Fatalf("%d %v", code, r)
	}
	id, _ := r["id"].(string)
	for who, c := range map[string]struct {
		token string
		want  int
	}{"its body": {enna, 200}, "its centre": {palermo, 200}, "another body": {genova, 404}, "nobody": {"", 401}, "a forged token": {"filo_" + strings.Repeat("A", 43), 401}} {
		if code, _ := call(t, "GET", d.URL+"/api/v1/reports/"+id, c.token, nil); code != c.want {
			t.Errorf("%s: %d, want %d", who, code, c.want)
		}
	}
	_, none := call(t, "GET", d.URL+"/api/v1/reports/"+strings.Repeat("0", 26), genova, nil)
	_, hidden := call(t, "GET", d.URL+"/api/v1/reports/"+id, genova, nil)
	a, _ := json.Marshal(none)
	b, _ := json.Marshal(hidden)
	if !bytes.Equal(a, b) {
		t.Errorf("a report of others is told from none: %s against %s", b, a)
	}
	if code, list := call(t, "GET", d.URL+"/api/v1/reports", genova, nil); code != 200 || len(list["items"].([]any)) != 0 {
		t.Errorf("another body's list: %d %v", code, list)
	}
	for _, p := range []string{"/api/v1/alerts", "/api/v1/indicators"} {
		if code, _ := call(t, "GET", d.URL+p, genova, nil); code != 200 {
			t.Errorf("%s: %d", p, code)
		}
	}
	if code, bad := call(t, "POST", d.URL+"/api/v1/reports", enna, map[string]any{"kind": "boh", "title": "x"}); code != 422 {
		t.Errorf("an unknown kind: %d %v", code, bad)
	}
	if code, doc := call(t, "GET", d.URL+"/api/v1/openapi.json", "", nil); code != 200 || doc["openapi"] != "3.1.0" {
		t.Errorf("the description: %d %v", code, doc["openapi"])
	}
}
