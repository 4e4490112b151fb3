package sigma

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"filo/internal/sigma/sigmatest"
)

// flat writes an event's fields as name=value, one after the other.
func flat(ev *Event) string {
	var out []string
	for _, f := range ev.Fields {
		v := string(f.Value)
		if f.Kind == Text {
			v = fmt.Sprintf("%q", v)
		}
		out = append(out, f.Name+"="+v)
	}
	return strings.Join(out, " ")
}

func TestJSONGivesNamesJoinedByDotsAndEveryValue(t *testing.T) {
	d := NewDecoder()
	var ev Event
	for text, want := range map[string]string{
		`{}`: ``,
		` {"a" : 1 , "b":{"c":"x","d":{"e":true}},"f":null} `: `a=1 b.c="x" b.d.e=true f=null`,
		`{"a":[1,"x",{"b":2}],"c":[]}`:                        `a=1 a="x" a.b=2`,
		`{"a":1,"a":2}`:                                       `a=1 a=2`,
		`{"a":"\u00e8 \"\\\/\b\f\n\r\t","b":"\ud83d\ude00"}`:  `a="è \"\\/\b\f\n\r\t" b="😀"`,
		`{"a":"\ud83d","b":"\ude00x","c":"\ud83d\u0041"}`:     `a="�" b="�x" c="�A"`,
		`{"n\u0061me":-1.5e+3}`:                               `name=-1.5e+3`,
	} {
		if err := d.ParseJSON([]byte(text), &ev); err != nil || flat(&ev) != want {
			t.Errorf("%s\n got %s (%v)\nwant %s", text, flat(&ev), err, want)
		}
	}
}

func TestBrokenJSONSaysWhereAndKeepsWhatCameBefore(t *testing.T) {
	d := NewDecoder()
	var ev Event
	for _, text := range []string{``, `[]`, `{"a":1`, `{"a":1,}`, `{"a" 1}`, `{"a":01}`, `{"a":"x`, `{"a":"\x"}`, `{"a":"\u12g4"}`, `{"a":tru}`, `{"a":1} x`, `{"a":-}`, `{"a":1.}`, `{"a":1e}`, "{\"a\":\"\n\"}", `{a:1}`, `{"a":[1 2]}`, strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat("}", 50), `{"a":` + strings.Repeat("[", 50) + strings.Repeat("]", 50) + "}", `{"` + strings.Repeat("a", 1000) + `":1}`} {
		if err := d.ParseJSON([]byte(text), &ev); err == nil || !strings.Contains(err.Error(), "byte ") {
			t.Errorf("%.60s: %v", text, err)
		}
	}
	if err := d.ParseJSON([]byte(`{"a":"b","c":}`), &ev); err == nil || flat(&ev) != `a="b"` {
		t.Errorf("%v, %s", err, flat(&ev))
	}
	many := `{"a":[` + strings.Repeat("1,", 5000) + `1]}`
	if err := d.ParseJSON([]byte(many), &ev); err != nil || len(ev.Fields) != maxFields || ev.Skipped != 5001-maxFields {
		t.Errorf("%d fields, %d skipped, %v", len(ev.Fields), ev.Skipped, err)
	}
}

func TestTheShapesOfWindowsShippersGiveTheNamesOfTheRules(t *testing.T) {
	router, err := NewRouter()
	if err != nil {
		t.Fatal(err)
	}
	d := NewDecoder()
	for shape, text := range map[string]string{
		"flat":     `{"EventTime":"2026-11-25 10:00:00","Hostname":"pc","Channel":"Microsoft-Windows-Sysmon/Operational","EventID":1,"UtcTime":"2026-11-25 09:00:00.250","Image":"C:\\x.exe"}`,
		"beat":     `{"@timestamp":"2026-11-25T09:00:00.250Z","winlog":{"channel":"Microsoft-Windows-Sysmon/Operational","event_id":"1","computer_name":"pc","provider_name":"Microsoft-Windows-Sysmon","event_data":{"Image":"C:\\x.exe"}}}`,
		"evtx":     `{"Event":{"#attributes":{"xmlns":"x"},"System":{"Provider":{"#attributes":{"Name":"Microsoft-Windows-Sysmon"}},"EventID":1,"TimeCreated":{"#attributes":{"SystemTime":"2026-11-25T09:00:00.250000Z"}},"Channel":"Microsoft-Windows-Sysmon/Operational","Computer":"pc"},"EventData":{"Image":"C:\\x.exe"}}}`,
		"provider": `{"TimeCreated":"x","System":{"Provider":{"@Name":"Microsoft-Windows-Sysmon"},"EventID":{"#text":"1"},"Computer":"pc"},"EventData":{"Image":"C:\\x.exe","UtcTime":"2026-11-25 09:00:00.250"}}`,
	} {
		var ev Event
		if err := d.ParseJSON([]byte(text), &ev); err != nil {
			t.Fatal(err)
		}
		image, _ := ev.Get("Image")
		id, _ := ev.Get("EventID")
		pc, _ := ev.Get("Computer")
		if string(image.Value) != `C:\x.exe` || string(id.Value) != "1" || string(pc.Value) != "pc" || !ev.Time.Equal(time.Date(2026, 11, 25, 9, 0, 0, 250e6, time.UTC)) {
			t.Errorf("%s: %s at %v", shape, flat(&ev), ev.Time)
		}
		if !router.Route(&ev) || ev.Source != (Logsource{"windows", "process_creation", "sysmon"}) {
			t.Errorf("%s: routed to %s", shape, ev.Source)
		}
	}
	d.Zone = time.FixedZone("", 3600)
	var ev Event
	if err := d.ParseJSON([]byte(`{"EventTime":"2026-11-25 10:00:00"}`), &ev); err != nil || !ev.Time.Equal(time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("%v, %v", ev.Time, err)
	}
}

func TestAnEventGoesToItsSourceAndUnknownChannelsAreCounted(t *testing.T) {
	router, err := NewRouter()
	if err != nil {
		t.Fatal(err)
	}
	for want, ev := range map[string]*Event{
		"windows/process_creation/security": event("Channel", "security", "EventID", 4688),
		"windows/*/security":                event("Channel", "Security", "EventID", 4624),
		"windows/ps_script/powershell":      event("Channel", "Microsoft-Windows-PowerShell/Operational", "EventID", "4104"),
		"windows/pipe_created/sysmon":       event("Channel", "Microsoft-Windows-Sysmon/Operational", "EventID", 18),
		"*/webserver/nginx":                 event("product", "nginx"),
		"linux/process_creation/sysmon":     event("Channel", "Linux-Sysmon/Operational", "EventID", 1),
		"linux/*/sshd":                      event("product", "sshd"),
	} {
		if ok := router.Route(ev); !ok || ev.Source.String() != want {
			t.Errorf("%s, want %s", ev.Source, want)
		}
	}
	for range 3 {
		if ev := event("Channel", "Fornitore/Suo"); router.Route(ev) || ev.Source.Product != "windows" {
			t.Error("an unknown channel was taken for known")
		}
	}
	router.Route(event("A", "x"))
	if n := router.Unmapped(); n["Fornitore/Suo"] != 3 || n["(no channel)"] != 1 {
		t.Errorf("%v", n)
	}
	if len(router.Sources()) < 60 {
		t.Errorf("%d sources", len(router.Sources()))
	}
}

func TestFieldsAreFoundUnderTheNamesThatSourcesGiveThem(t *testing.T) {
	rule := func(source, sel string) string {
		return "title: t\nauthor: a\nlogsource: {" + source + "}\ndetection: {s: {" + sel + "}, condition: s}"
	}
	ask := func(text string, ev *Event) bool {
		return len(engine(t, Options{}, text).NewMatcher().Match(ev, nil)) == 1
	}
	from := func(s Logsource, kv ...any) *Event {
		ev := event(kv...)
		ev.Source = s
		return ev
	}
	security := Logsource{"windows", "process_creation", "security"}
	if !ask(rule("product: windows, category: process_creation", `Image|endswith: \a.exe, User: ced`), from(security, "NewProcessName", `C:\a.exe`, "SubjectUserName", "CED")) {
		t.Error("4688 is not read as process creation")
	}
	if ask(rule("product: windows, service: sysmon", `Image|endswith: \a.exe`), from(security, "NewProcessName", `C:\a.exe`)) {
		t.Error("a rule about Sysmon saw an event of Security")
	}
	if !ask(rule("product: windows, service: windefend", "ThreatName|contains: prova"), from(Logsource{"windows", "", "windefend"}, "Threat Name", "Virus:Prova")) {
		t.Error("blanks in names")
	}
	if !ask(rule("product: windows", "UnNomeLungo: prova"), from(Logsource{Product: "windows"}, "Un Nome Lungo", "prova")) {
		t.Error("blanks in names that no mapping knows")
	}
	if !ask(rule("category: webserver", "cs-method: GET, cs-uri-query|contains: passwd, sc-status: 200"), from(Logsource{"", "webserver", "nginx"}, "method", "GET", "query", "f=/etc/passwd", "status", 200)) {
		t.Error("web taxonomy")
	}
	if !ask(rule("product: windows, category: registry_event", `TargetObject|contains: \run`), from(Logsource{"windows", "registry_set", "sysmon"}, "TargetObject", `HKLM\Run\x`)) {
		t.Error("a wider category does not see its parts")
	}
	own, err := ReadMapping([]byte("fields: [{product: prova, names: {Utente: [usr]}}]"))
	if err != nil {
		t.Fatal(err)
	}
	seesWith(t, Options{Mapping: own}, "{Utente: anna}", event("usr", "Anna"), event("Utente", "anna"), nil, event("user", "anna"))
	seesWith(t, Options{Mapping: own}, "{Utente: null}", event("x", 1), nil, event("usr", "Anna"))
}

func FuzzParseJSON(f *testing.F) {
	for _, b := range sigmatest.Events(3, 1) {
		f.Add(b)
	}
	f.Add([]byte(`{"a":[{"b":"\ud83d\ude00"},null,-1.5e3],"a":{"":true}}`))
	f.Add([]byte(`{"winlog":{"event_data":{"Image":"x"},"event_id":1},"Event":{"System":{"EventID":{"#text":"3"}}}}`))
	e := engine(f, Options{}, ruleText("s: {a.b|contains: x}\nk: [parola]\ncondition: s or k"))
	router, err := NewRouter()
	if err != nil {
		f.Fatal(err)
	}
	d, m := NewDecoder(), e.NewMatcher()
	f.Fuzz(func(t *testing.T, b []byte) {
		was := bytes.Clone(b)
		var ev Event
		err := d.ParseJSON(b, &ev)
		if !bytes.Equal(b, was) {
			t.Fatal("the line was changed")
		}
		var x map[string]any
		if std := json.Unmarshal(b, &x); std == nil && x != nil && err != nil && !strings.Contains(err.Error(), "deeper") && !strings.Contains(err.Error(), "longer") {
			t.Fatalf("%v, and it is an object", err)
		} else if std != nil && err == nil && !strings.Contains(std.Error(), "cannot unmarshal") {
			t.Fatalf("%v was not seen", std)
		}
		router.Route(&ev)
		m.Match(&ev, nil)
	})
}
