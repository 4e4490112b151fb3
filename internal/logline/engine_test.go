package logline

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func fields(e Event) string {
	var w []string
	for _, f := range e.Fields {
		w = append(w, fmt.Sprintf("%s=%s", f.Name, f.Value))
	}
	return strings.Join(w, "; ")
}

func TestJSONGivesEveryValueUnderItsPath(t *testing.T) {
	e, _ := reader().Read([]byte(`{"a":{"b":"x\ny \u00e8 \ud83d\ude00 \/","c":[1,{"d":true}]},"n":null,"k":1,"k":2}`))
	if got, want := fields(e), "a.b=x\ny è 😀 /; a.c=1; a.c.d=true; k=1; k=2"; got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if v := e.Field("a.b"); len(v) == 0 {
		t.Error("a field cannot be asked for by its name")
	}
}

func TestOfTwoEqualKeysInJSONTheLastOneCounts(t *testing.T) {
	e, _ := reader().Read([]byte(`{"reqId":"U","remoteAddr":"192.0.2.1","remoteAddr":"203.0.113.9","message":"Login failed: a"}`))
	if e.Source.String() != "203.0.113.9" {
		t.Errorf("blames %v", e.Source)
	}
}

func TestWhatIsTooDeepOrTooMuchIsKeptWhole(t *testing.T) {
	e, _ := reader().Read([]byte(strings.Repeat(`{"a":`, 40) + `"deep"` + strings.Repeat("}", 40)))
	if len(e.Fields) != 1 || e.Fields[0].Value[0] != '{' || !bytes.Contains(e.Fields[0].Value, []byte("deep")) {
		t.Errorf("forty objects in one another give %s", fields(e))
	}
	e, _ = reader().Read([]byte(strings.Repeat("k=v ", 600) + "last=seen"))
	if len(e.Fields) > maxFields || e.Fields[len(e.Fields)-1].Name != Rest || !bytes.HasSuffix(e.Fields[len(e.Fields)-1].Value, []byte("last=seen")) {
		t.Errorf("601 pairs give %d fields, the last is %s", len(e.Fields), e.Fields[len(e.Fields)-1].Name)
	}
}

func TestPairsKeepBlanksQuotesAndWhatIsEmpty(t *testing.T) {
	e, _ := reader().Read([]byte(`time=2026-11-24T08:55:46Z rule=Regola con spazi msg="a \"b\" c=d" empty= last=x`))
	if got, want := fields(e), `time=2026-11-24T08:55:46Z; rule=Regola con spazi; msg=a \"b\" c=d; empty=; last=x`; got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestCEFUndoesItsEscapesAndNamesItsCustomValues(t *testing.T) {
	e, _ := reader().Read([]byte(`CEF:0|Esempio\|srl|Sonda|1|7|Nome\|uno|3|msg=due parole a\=b cs1=valore cs1Label=Zona esterna src=203.0.113.9`))
	for name, want := range map[string]string{"msg": "due parole a=b", "Zona esterna": "valore", "cef.vendor": "Esempio|srl", "cef.name": "Nome|uno"} {
		if got := string(e.Field(name)); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestRelaysThatPrintATabAsANumberAreUnderstood(t *testing.T) {
	e, _ := reader().Read([]byte("Nov 24 08:55:46 fb LEEF:1.0|WatchGuard|XTM|12.10|1|disp=Deny#011src=203.0.113.9#011SrcPort=51000#011dst=192.0.2.10#011dstport=23"))
	if e.Source.String() != "203.0.113.9" || e.SrcPort != 51000 || e.Outcome != Denied {
		t.Errorf("reads as %s", says(e))
	}
}

func TestXMLDecodesEntitiesAndKeepsNamesOfWindows(t *testing.T) {
	e, _ := reader().Read([]byte("<Event><System><Provider Name='X&amp;Y'/><EventID>4688</EventID><Channel>Security</Channel></System>" +
		"<EventData><Data Name='CommandLine'>cmd /c &quot;a &#x26;&#38; b&quot; &lt;x&gt;</Data><Data Name='Empty'/></EventData></Event>"))
	if string(e.Name) != `cmd /c "a && b" <x>` || string(e.Field("Provider_Name")) != "X&Y" {
		t.Errorf("reads as %s; %s", says(e), fields(e))
	}
}

func TestWindowsHasTheSameFieldsFromEveryShipper(t *testing.T) {
	for _, line := range []string{
		`<Event><System><Provider Name='P'/><EventID>4625</EventID><Channel>Security</Channel><Computer>D</Computer></System><EventData><Data Name='TargetUserName'>u</Data><Data Name='IpAddress'>203.0.113.9</Data></EventData></Event>`,
		`{"winlog":{"event_id":4625,"channel":"Security","computer_name":"D","provider_name":"P","event_data":{"TargetUserName":"u","IpAddress":"203.0.113.9"}}}`,
		`{"EventID":4625,"Channel":"Security","Hostname":"D","SourceName":"P","TargetUserName":"u","IpAddress":"203.0.113.9"}`,
		`{"Event":{"System":{"EventID":4625,"Channel":"Security","Computer":"D","Provider":{"#attributes":{"Name":"P"}}},"EventData":{"TargetUserName":"u","IpAddress":"203.0.113.9"}}}`,
	} {
		e, _ := reader().Read([]byte(line))
		for name, want := range map[string]string{"EventID": "4625", "Channel": "Security", "Computer": "D", "Provider_Name": "P", "TargetUserName": "u", "IpAddress": "203.0.113.9"} {
			if got := string(e.Field(name)); got != want {
				t.Errorf("%s\n%s is %q, want %q", line, name, got, want)
			}
		}
		if e.ID != 4625 || e.Source.String() != "203.0.113.9" || e.Outcome != Failure {
			t.Errorf("%s\nreads as %s", line, says(e))
		}
	}
}

func TestALineInsideAnotherOneIsReadAsWhatItIs(t *testing.T) {
	const inner = "Nov 24 08:55:46 gate sshd[9]: Invalid user a from 203.0.113.9 port 4000"
	for _, line := range []string{
		`{"log":"` + inner + `\n","stream":"stdout","time":"2026-11-24T08:55:46.1Z"}`,
		"2026-11-24T08:55:46.5+00:00 stdout F " + inner,
		"<38>" + inner,
		"gateway   | " + inner,
		`{"MESSAGE":"Invalid user a from 203.0.113.9 port 4000","SYSLOG_IDENTIFIER":"sshd","_HOSTNAME":"gate","__REALTIME_TIMESTAMP":"1795510546000000"}`,
		`{"version":"1.1","host":"gate","short_message":"Invalid user","full_message":"<38>` + inner + `","timestamp":1795510546.1}`,
	} {
		e, ok := reader().Read([]byte(line))
		if !ok || e.Product != "sshd" || e.SrcPort != 4000 || e.Time.IsZero() {
			t.Errorf("%s\nreads as %s: %s", line, e.Product, says(e))
		}
	}
}

func TestBehindAProxyThePeerIsTheSourceAndTheHeaderAField(t *testing.T) {
	e, _ := reader().Read([]byte(`203.0.113.9 - - [24/Nov/2026:09:55:36 +0100] "GET / HTTP/1.1" 200 1 "-" "x" "192.0.2.1"`))
	if e.Source.String() != "203.0.113.9" || string(e.Field("x_forwarded_for")) != "192.0.2.1" {
		t.Errorf("source %v, %s", e.Source, fields(e))
	}
}

func TestWhatIsRememberedAcrossLinesIsBounded(t *testing.T) {
	r := reader()
	for i := range 5000 {
		fmt.Fprintf(&lineBuf, "Nov 24 08:55:46 posta postfix/smtpd[8]: %06X1: client=h.example[203.0.113.%d]:4", i, i%250)
		r.Read(lineBuf.Bytes())
		lineBuf.Reset()
		r.Read([]byte(fmt.Sprintf(`{"key%d":1}`, i)))
	}
	if len(r.joins.known) > maxJoins || len(r.names.known) > maxNames {
		t.Errorf("%d joins and %d names are kept", len(r.joins.known), len(r.names.known))
	}
	e, _ := r.Read([]byte("Nov 24 08:55:47 posta postfix/qmgr[3]: 0013871: from=<a@b.example>, size=1"))
	if !e.Source.IsValid() {
		t.Error("the newest connection is forgotten")
	}
}

var lineBuf bytes.Buffer

func TestAnUnknownLineIsUnknownAndKeepsItsTime(t *testing.T) {
	e, ok := reader().Read([]byte("2026-11-24 08:55:46 the printer on the second floor is out of paper"))
	if ok || e.Time.IsZero() || e.Product != "" {
		t.Errorf("reads as %q (%v) at %s", e.Product, ok, e.Time)
	}
	for _, line := range []string{"", " ", "\r\n", "{", "<", "[", "#", "\"", "<Event", "CEF:", "<1>", "0", "=", "{}", "[]"} {
		if e, ok := reader().Read([]byte(line)); ok {
			t.Errorf("%q reads as %s", line, e.Product)
		}
	}
}

func TestACommandOfCronIsNobodysLogIn(t *testing.T) {
	e, _ := reader().Read([]byte("Nov 24 08:55:46 gate CRON[811]: (root) CMD (curl http://192.0.2.1/login?error=failed)"))
	if e.Source.IsValid() || e.Action != Other {
		t.Errorf("reads as %s", says(e))
	}
}

func TestARecordOfSeveralLinesIsOneEvent(t *testing.T) {
	for line, want := range map[string]string{
		"<28>1 2026-11-24T08:55:46Z KSC KES|12 - X [event@23668 et=\"GNRL_EV_VIRUS_FOUND\" hdn=\"PC7\" p5=\"Trojan\"] Event type: x\r\nUser: COMUNE\\ufficio\r\nObject: C:\\x.exe\r\n": "kaspersky alert ufficio C:\\x.exe",
		"<28>1 2026-11-24T08:55:46Z KSC KES|12 - X [event@23668 et=\"GNRL_EV_VIRUS_FOUND\" hdn=\"PC7\" p5=\"Trojan\"] Event type: x#012Utente: COMUNE\\ufficio#012Oggetto: C:\\x.exe":  "kaspersky alert ufficio C:\\x.exe",
		"CEF:0|Check Point|VPN-1|R81|Log|Log In|5|act=Log In reason=riga uno\nriga due suser=ufficio src=203.0.113.9":                                                                  "checkpoint login ufficio ",
		"<Event>\r\n <System>\r\n  <EventID>4625</EventID>\r\n </System>\r\n <EventData>\r\n  <Data Name='TargetUserName'>ufficio</Data>\r\n </EventData>\r\n</Event>":                 "windows login ufficio ",
	} {
		e, _ := reader().Read([]byte(line))
		if got := fmt.Sprintf("%s %s %s %s", e.Product, e.Action, e.User, e.Name); got != want {
			t.Errorf("%q\nreads as %q, want %q", line, got, want)
		}
	}
}

func TestLastMessageRepeatedCountsAsTheLineBefore(t *testing.T) {
	r := reader()
	r.Read([]byte("Nov 24 08:55:46 gate sshd[200]: Failed password for root from 203.0.113.9 port 4022 ssh2"))
	e, ok := r.Read([]byte("Nov 24 08:55:59 gate last message repeated 4 times"))
	if got, want := says(e), "login failure user=root from=203.0.113.9#4022 times=4 on=gate zone=machine"; !ok || got != want {
		t.Errorf("reads as %q, want %q", got, want)
	}
	if _, ok := reader().Read([]byte("Nov 24 08:55:59 gate last message repeated 4 times")); ok {
		t.Error("a repetition of nothing is an event")
	}
}
