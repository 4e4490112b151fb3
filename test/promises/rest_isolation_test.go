package promises

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"filo/internal/demo"
)

func TestNoProgramReadsOrTellsApartWhatIsNotItsOwn(t *testing.T) {
	d := start(t)
	if _, err := d.Story(t.Context(), func(demo.Step) {}); err != nil {
		t.Fatal(err)
	}
	o := gather(t, d)
	// Each path of the description needs an entry: what it is about, or "" where
	// it lists what the asker may see.
	nouns := map[string]string{"/reports": "", "/reports/{id}": "report", "/alerts": "", "/alerts/{id}": "alert", "/indicators": ""}
	_, doc := call(t, "GET", d.URL+"/api/v1/openapi.json", "", nil)
	paths, _ := doc["paths"].(map[string]any)
	if len(paths) == 0 {
		t.Fatal("the description has no paths")
	}
	programs := map[string]string{
		"another body": token(t, d, "Genova"), "another centre": token(t, d, "Genova-centro"), "an operator of others": token(t, d, "Gestore"),
		"a laboratory": token(t, d, "Laboratorio"), "an association": token(t, d, "ANCI"), "a forged token": "filo_" + strings.Repeat("A", 43), "nobody": "",
	}
	for path := range paths {
		noun, known := nouns[path]
		if !known {
			t.Errorf("%s has no entry in the isolation test", path)
			continue
		}
		u := d.URL + "/api/v1" + path
		for who, tok := range programs {
			real, a := call(t, "GET", strings.ReplaceAll(u, "{id}", string(o[noun])), tok, nil)
			text, err := json.Marshal(a)
			if err != nil {
				t.Fatal(err)
			}
			for what, id := range o {
				// Both bodies are warned of alerts of their own: none of these are Enna's.
				if len(id) == 26 && strings.Contains(string(text), string(id)) {
					t.Errorf("GET %s gives %s the %s of another body", path, who, what)
				}
			}
			if noun == "" {
				continue
			}
			none, b := call(t, "GET", strings.ReplaceAll(u, "{id}", strings.Repeat("0", 26)), tok, nil)
			if absent, err := json.Marshal(b); err != nil || real != none || string(text) != string(absent) {
				t.Errorf("GET %s tells %s that it exists: %d %s against %d %s", path, who, real, text, none, absent)
			}
			if want := http.StatusNotFound; real != want && real != http.StatusUnauthorized {
				t.Errorf("GET %s answers %s with %d", path, who, real)
			}
		}
	}
}
