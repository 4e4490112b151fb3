package promises

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"filo/internal/wire"
)

func TestAnOperatorReportsAndChoosesForTheBodyItMeans(t *testing.T) {
	d := start(t)
	c, genova := signIn(t, d, "Gestore", 4), d.People["Genova"].Viewer
	_, home := ask(t, c, "GET", d.URL+"/", objects{})
	for _, want := range []string{"Genova", "Polizia Postale, centro di Genova", "/segnala?ente=" + string(genova.Body), "In vigore fino al"} {
		if !strings.Contains(home, want) {
			t.Errorf("the list of homes does not hold %q", want)
		}
	}
	_, to, _ := post(t, c, d.URL+"/segnala", url.Values{"ente": {string(genova.Body)}, "adesso": {"no"}})
	if r, err := d.Node.Reports.Find(t.Context(), genova, idIn(t, to)); err != nil || r.Body != genova.Body {
		t.Errorf("the report is not about Genova: %v", err)
	}
	if code, _, _ := post(t, c, d.URL+"/agenti/scelte", url.Values{"ente": {string(genova.Body)}, "fidati": {"192.0.2.9"}}); code != http.StatusSeeOther {
		t.Fatalf("choosing: %d", code)
	}
	// For a body that never delegated it, the choice falls back on its own.
	enna := d.People["Enna"].Viewer
	post(t, c, d.URL+"/agenti/scelte", url.Values{"ente": {string(enna.Body)}, "fidati": {"192.0.2.66"}})
	for _, x := range []struct {
		who  string
		want int
	}{{"Genova", 1}, {"Enna", 0}} {
		v := d.People[x.who].Viewer
		s, err := d.Node.Agents.Settings(t.Context(), v, v.Body)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Allow) != x.want {
			t.Errorf("the agents of %s hold %+v", x.who, wire.Settings{Allow: s.Allow})
		}
	}
}
