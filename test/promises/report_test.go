package promises

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"filo/access"
	"filo/internal/demo"
	"filo/internal/ids"
	"filo/internal/wire"
	"filo/report"
)

// post sends a form and gives the status, where it leads, and the page.
func post(t *testing.T, c *http.Client, u string, form url.Values) (int, string, string) {
	t.Helper()
	res, err := c.PostForm(u, form)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header.Get("Location"), string(b)
}

// idIn gives the id at the second place of an address.
func idIn(t *testing.T, path string) ids.ID {
	t.Helper()
	parts := strings.Split(path, "/")
	if len(parts) < 3 || len(parts[2]) != 26 {
		t.Fatalf("no id in %q", path)
	}
	return ids.ID(parts[2])
}

func TestThePoliceReportToAComuneWhichTakesItAndAnswers(t *testing.T) {
	d := start(t)
	officer, enna, genova := signIn(t, d, "Palermo", 4), signIn(t, d, "Enna", 4), signIn(t, d, "Genova", 4)
	body := string(d.People["Enna"].Viewer.Body)
	_, to, _ := post(t, officer, d.URL+"/segnala", url.Values{"ente": {body}, "verso": {"comune"}, "adesso": {"si"}})
	id := string(idIn(t, to))
	if code, _ := ask(t, enna, "GET", d.URL+"/segnalazioni/"+id, objects{}); code != http.StatusNotFound {
		t.Errorf("the Comune sees a draft of the police: %d", code)
	}
	post(t, officer, d.URL+"/segnala/"+id+"/2", url.Values{"tipo": {"vulnerabilita"}, "titolo": {"La vostra rete attacca altri"}, "testo": {"Da 192.0.2.23 partono scansioni."}})
	code, to, page := post(t, officer, d.URL+"/segnala/"+id+"/6", url.Values{})
	if code != http.StatusSeeOther || !strings.HasSuffix(to, "/ricevuta") {
		t.Fatalf("sending: %d %s %s", code, to, page)
	}
	_, receipt := ask(t, officer, "GET", d.URL+to, objects{})
	if !strings.Contains(receipt, "da: Polizia Postale") || !strings.Contains(receipt, "a: Enna") {
		t.Error("the receipt does not say that the police reported to Enna")
	}
	if _, home := ask(t, enna, "GET", d.URL+"/", objects{}); !strings.Contains(home, "La vostra rete attacca altri") {
		t.Error("the report of the police does not stand on the home of the Comune")
	}
	if code, _ := ask(t, genova, "GET", d.URL+"/segnalazioni/"+id, objects{}); code != http.StatusNotFound {
		t.Errorf("another Comune sees it: %d", code)
	}
	if _, _, page := post(t, officer, d.URL+"/segnalazioni/"+id+"/prendi", url.Values{}); strings.Contains(page, "Presa in carico</strong>") {
		t.Error("the police take their own report in charge")
	}
	post(t, enna, d.URL+"/segnalazioni/"+id+"/prendi", url.Values{})
	post(t, enna, d.URL+"/segnalazioni/"+id+"/messaggio", url.Values{"testo": {"Computer staccato."}})
	_, read := ask(t, officer, "GET", d.URL+"/segnalazioni/"+id, objects{})
	for _, want := range []string{"Tecnico CED, Comune di Enna", "Computer staccato."} {
		if !strings.Contains(read, want) {
			t.Errorf("the officer does not read %q", want)
		}
	}
}

func TestAFalsePositiveComesBackWithHowToTune(t *testing.T) {
	d := start(t)
	enna, officer := d.People["Enna"].Viewer, signIn(t, d, "Palermo", 4)
	r, err := d.Node.Reports.Submit(t.Context(), enna, report.Report{Body: enna.Body, Centre: "COSC-SICILIA-OCC", Kind: report.Attempt, Title: "Password sbagliate"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	u := d.URL + "/segnalazioni/" + string(r.ID)
	post(t, officer, u+"/prendi", url.Values{})
	if code, _, page := post(t, officer, u+"/stato", url.Values{"stato": {"falso_positivo"}, "testo": {" "}}); code != http.StatusUnprocessableEntity || !strings.Contains(page, `class="err"`) {
		t.Errorf("it goes back without a word on how to tune (%d)", code)
	}
	if code, _, _ := post(t, officer, u+"/stato", url.Values{"stato": {"falso_positivo"}, "testo": {"Mettete 192.0.2.7 fra gli indirizzi fidati."}}); code != http.StatusSeeOther {
		t.Fatalf("handing it back: %d", code)
	}
	_, page := ask(t, signIn(t, d, "Enna", 4), "GET", u, objects{})
	if !strings.Contains(page, "Mettete 192.0.2.7") || !strings.Contains(page, "falso") {
		t.Error("the Comune does not read what to change")
	}
}

func TestADraftGoesOnOnAnotherDeviceWithItsCode(t *testing.T) {
	d := start(t)
	first, second := signIn(t, d, "Enna", 4), signIn(t, d, "Enna-resp", 4)
	_, to, _ := post(t, first, d.URL+"/segnala", url.Values{"adesso": {"no"}})
	id := idIn(t, to)
	post(t, first, d.URL+"/segnala/"+string(id)+"/2", url.Values{"segni": {"mail_strane"}, "testo": {"Arrivano mail con fatture finte."}})
	r, err := d.Node.Reports.Find(t.Context(), d.People["Enna"].Viewer, id)
	if err != nil {
		t.Fatal(err)
	}
	typed := strings.ToLower(strings.ReplaceAll(r.Code, "-", " "))
	code, there := ask(t, second, "GET", d.URL+"/segnala?codice="+url.QueryEscape(typed), objects{})
	if code != http.StatusSeeOther || !strings.Contains(there, string(id)) {
		t.Fatalf("the code leads nowhere: %d", code)
	}
	if code, there = ask(t, second, "GET", d.URL+"/segnalazioni/"+string(id), objects{}); code != http.StatusSeeOther || !strings.HasSuffix(there, "/segnala/"+string(id)+"/3") {
		t.Errorf("the draft does not open where it was left: %d %s", code, there)
	}
	if _, page := ask(t, second, "GET", d.URL+"/segnala/"+string(id)+"/2", objects{}); !strings.Contains(page, "fatture finte") {
		t.Error("what was typed is gone")
	}
	// To others the code of a draft is worth as much as any wrong one.
	for _, who := range []string{"Genova", "Palermo", "Gestore"} {
		c := signIn(t, d, who, 4)
		real, a := ask(t, c, "GET", d.URL+"/segnala?codice="+url.QueryEscape(r.Code), objects{})
		none, b := ask(t, c, "GET", d.URL+"/segnala?codice="+url.QueryEscape("AAA-AAA"), objects{})
		if real != http.StatusUnprocessableEntity || real != none || strings.ReplaceAll(a, r.Code, "") != strings.ReplaceAll(b, "AAA-AAA", "") {
			t.Errorf("the code tells %s that the draft is there: %d against %d", who, real, none)
		}
	}
}

func TestAFormThatIsWrongKeepsWhatWasTyped(t *testing.T) {
	d := start(t)
	c := signIn(t, d, "Enna", 4)
	_, to, _ := post(t, c, d.URL+"/segnala", url.Values{"adesso": {"no"}})
	id := string(idIn(t, to))
	enna := string(d.People["Enna"].Viewer.Body)
	for path, form := range map[string]url.Values{
		"/segnala/" + id + "/5":       {"valori": {"203.0.113.9\nquesto non è un valore"}},
		"/enti/" + enna + "/contatto": {"person": {"Responsabile della rete"}, "duty": {"reperibile di notte"}, "channel": {"pec"}},
		"/enti/" + enna + "/rete":     {"network": {"questa non è una rete"}},
	} {
		code, _, page := post(t, c, d.URL+path, form)
		if code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", path, code)
		}
		for name, v := range form {
			if !strings.Contains(page, v[0]) || name == "channel" && !strings.Contains(page, `value="pec" selected`) {
				t.Errorf("%s forgets %s", path, name)
			}
		}
	}
}

func TestEveryReadOfContentLeavesALine(t *testing.T) {
	d := start(t)
	if _, err := d.Story(t.Context(), func(demo.Step) {}); err != nil {
		t.Fatal(err)
	}
	o := gather(t, d)
	c, head := signIn(t, d, "Palermo", 2), d.People["Palermo-dir"].Viewer
	for noun, path := range map[string]string{
		"report": "/segnalazioni/{report}", "alert": "/allerte/{alert}", "hunt": "/ricerche/{hunt}",
		"agreement": "/protocolli/{agreement}", "document": "/protocolli/{agreement}/documenti/{document}",
	} {
		for k, id := range o {
			path = strings.ReplaceAll(path, "{"+k+"}", string(id))
		}
		before, err := d.Node.DB.Looks(t.Context(), head, o[noun])
		if err != nil {
			t.Fatal(err)
		}
		if code, _ := ask(t, c, "GET", d.URL+path, o); code != http.StatusOK {
			t.Fatalf("%s: %d", path, code)
		}
		after, err := d.Node.DB.Looks(t.Context(), head, o[noun])
		if err != nil {
			t.Fatal(err)
		}
		if len(after) <= len(before) || after[0].Name != d.People["Palermo"].Title {
			t.Errorf("nobody wrote down that an officer read the %s", noun)
		}
	}
}

func TestAnAttackThatLeavesFromUsIsNothingForOthersToWatchFor(t *testing.T) {
	d := start(t)
	enna, officer := d.People["Enna"].Viewer, d.People["Palermo"].Viewer
	list, _, err := d.Node.Agents.List(t.Context(), enna, enna.Body, "", 1)
	if err != nil || len(list) == 0 {
		t.Fatal("no agent", err)
	}
	agent := enna
	agent.Agent = list[0].ID
	f, err := d.Node.Detections.Keep(t.Context(), agent, "COSC-SICILIA-OCC", wire.Finding{
		Key: "esce", Rule: "outbound-attack", Title: "Un computer dell'ente attacca altri", SourceIP: "192.0.2.23", DestIP: "198.51.100.9", DestPort: 445, Outcome: "attempt", Severity: "high", Leaves: true, Count: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Node.Flow.Draft(t.Context(), enna, f.ID)
	if err != nil {
		t.Fatal(err)
	}
	if r, err = d.Node.Reports.Send(t.Context(), enna, r.ID); err != nil {
		t.Fatal(err)
	}
	if r.Kind != report.Incident || strings.Contains(r.Title, "192.0.2.23") || !strings.Contains(r.Text, "parte da noi") {
		t.Errorf("the report does not say that the attack leaves from us: %s %q %q", r.Kind, r.Title, r.Text)
	}
	a, values, err := d.Node.Flow.Propose(t.Context(), officer, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(values) > 0 || strings.Contains(a.Title+a.What, "192.0.2.23") {
		t.Errorf("the warning names the reporter's machine: %q %v", a.Title, values)
	}
}

func TestTheNetworksABodyDeclaresReachItsAgents(t *testing.T) {
	d := start(t)
	c, v := signIn(t, d, "Enna", 4), d.People["Enna"].Viewer
	if code, _, _ := post(t, c, d.URL+"/enti/"+string(v.Body)+"/rete", url.Values{"network": {"192.0.2.0/24"}}); code != http.StatusSeeOther {
		t.Fatal("the network is not taken")
	}
	settings := func() wire.Settings {
		s, err := d.Node.Agents.Settings(t.Context(), v, v.Body)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := settings(); !slices.Equal(s.Own, []string{"192.0.2.0/24"}) {
		t.Errorf("the agents are told of %v", s.Own)
	}
	post(t, c, d.URL+"/agenti/scelte", url.Values{"fidati": {"203.0.113.1"}})
	if s := settings(); len(s.Own) != 1 || len(s.Allow) != 1 {
		t.Errorf("a choice forgets the networks: %+v", s)
	}
	nets, err := d.Node.Territory.Networks(t.Context(), access.AsSystem("prova"), v.Body)
	if err != nil {
		t.Fatal(err)
	}
	post(t, c, d.URL+"/enti/"+string(v.Body)+"/rete/"+string(nets[0].ID)+"/togli", url.Values{})
	if s := settings(); len(s.Own) != 0 {
		t.Errorf("a network that was taken away is still the agents': %v", s.Own)
	}
}

func TestAnOfficerTypesAPhoneCallAndTheComuneFindsItOnItsHome(t *testing.T) {
	d := start(t)
	officer, enna := signIn(t, d, "Palermo", 4), signIn(t, d, "Enna", 4)
	_, to, _ := post(t, officer, d.URL+"/segnala", url.Values{"ente": {string(d.People["Enna"].Viewer.Body)}, "adesso": {"si"}, "chi": {"Segretaria comunale"}})
	id := string(idIn(t, to))
	if _, home := ask(t, enna, "GET", d.URL+"/", objects{}); strings.Contains(home, id) {
		t.Error("a call that is still being typed stands on the home of the Comune")
	}
	post(t, officer, d.URL+"/segnala/"+id+"/2", url.Values{"segni": {"file_bloccati", "riscatto"}, "tipo": {"incidente"}, "titolo": {"Schermi neri in municipio"}})
	if code, _, page := post(t, officer, d.URL+"/segnala/"+id+"/6", url.Values{}); code != http.StatusSeeOther {
		t.Fatalf("sending: %d %s", code, page)
	}
	_, queue := ask(t, officer, "GET", d.URL+"/", objects{})
	if !strings.Contains(queue, "Schermi neri in municipio") {
		t.Error("the call does not stand in the queue")
	}
	if _, home := ask(t, enna, "GET", d.URL+"/", objects{}); !strings.Contains(home, "Schermi neri in municipio") {
		t.Error("the Comune does not find its own call")
	}
	if _, page := ask(t, enna, "GET", d.URL+"/segnalazioni/"+id, objects{}); !strings.Contains(page, "Segretaria comunale") || !strings.Contains(page, "telefon") {
		t.Error("the report does not say who called")
	}
}

func TestANoteThatIsWrongNeverTurnsUpInAMessageToTheComune(t *testing.T) {
	d := start(t)
	enna, officer := d.People["Enna"].Viewer, signIn(t, d, "Palermo", 4)
	r, err := d.Node.Reports.Submit(t.Context(), enna, report.Report{Body: enna.Body, Centre: "COSC-SICILIA-OCC", Kind: report.Attempt, Title: "Prova"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	note := "riservato " + strings.Repeat("x", report.MaxText)
	code, _, page := post(t, officer, d.URL+"/segnalazioni/"+string(r.ID)+"/nota", url.Values{"modulo": {"nota"}, "testo": {note}})
	if code != http.StatusUnprocessableEntity {
		t.Fatalf("a note beyond the limit: %d", code)
	}
	in := func(field string) string {
		_, rest, _ := strings.Cut(page, `id="`+field+`"`)
		text, _, _ := strings.Cut(rest, "</textarea>")
		return text
	}
	if !strings.Contains(in("f-nota"), "riservato") {
		t.Error("the note is lost")
	}
	if strings.Contains(in("f-testo"), "riservato") {
		t.Error("the note stands in the message to the Comune")
	}
}
