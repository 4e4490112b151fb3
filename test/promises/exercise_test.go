package promises

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestAnExerciseSaysSoEverywhereAndIsNeverCountedWithTheReal(t *testing.T) {
	d := start(t)
	ctx, pa := t.Context(), d.People["Palermo"].Viewer
	open, _, err := d.Node.Reports.Counts(ctx, pa)
	if err != nil {
		t.Fatal(err)
	}
	c := signIn(t, d, "Enna", 4)
	res, err := c.PostForm(d.URL+"/segnala", url.Values{"adesso": {"no"}, "esercitazione": {"si"}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	form := strings.TrimSuffix(res.Header.Get("Location"), "/2")
	for _, step := range []struct {
		path string
		form url.Values
	}{{form + "/2", url.Values{"segni": {"altro"}, "tipo": {"incidente"}, "titolo": {"prova di reperibilità"}}}, {form + "/6", nil}} {
		if res, err = c.PostForm(d.URL+step.path, step.form); err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s answers %s", step.path, res.Status)
		}
	}
	receipt := res.Header.Get("Location")
	p := signIn(t, d, "Palermo", 4)
	for path, who := range map[string]*http.Client{receipt: c, receipt + ".txt": c, strings.TrimSuffix(receipt, "/ricevuta"): p, "/": p} {
		code, body := ask(t, who, "GET", d.URL+path, objects{})
		if code != http.StatusOK || !strings.Contains(body, "ESERCITAZIONE") {
			t.Errorf("%s (%d) does not say that it is an exercise", path, code)
		}
	}
	if now, _, err := d.Node.Reports.Counts(ctx, pa); err != nil || now != open {
		t.Errorf("the exercise is counted: %d open, were %d (%v)", now, open, err)
	}
}
