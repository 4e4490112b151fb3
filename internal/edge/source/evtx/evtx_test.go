package evtx

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"filo/internal/edge/source/reading"
)

func logons(from, to uint64) *encoder {
	e := newEncoder()
	for id := from; id < to; id++ {
		e.logon(id, "ufficio")
	}
	return e
}

// all reads a file in both ways, which must agree, and gives its records.
func all(t *testing.T, b []byte) ([]map[string]any, reading.Counters) {
	t.Helper()
	var out []map[string]any
	var tally, other reading.Tally
	r := Reader{Tally: &tally}
	var one, two []string
	if err := r.Stream(iotest.HalfReader(bytes.NewReader(b)), func(x Record) error { one = append(one, string(x.Line)); return nil }); err != nil {
		t.Fatal(err)
	}
	r = Reader{Tally: &other}
	err := r.File(bytes.NewReader(b), int64(len(b)), func(x Record) error {
		two = append(two, string(x.Line))
		var m map[string]any
		if err := json.Unmarshal(x.Line, &m); err != nil {
			t.Fatalf("%s: %v", x.Line, err)
		}
		out = append(out, m)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(one)
	slices.Sort(two)
	if !slices.Equal(one, two) {
		t.Errorf("%d records as a stream, %d as a file", len(one), len(two))
	}
	return out, other.Counters(0)
}

func TestAFailedLogonIsReadUnderTheNamesOfWindows(t *testing.T) {
	got, c := all(t, file(false, logons(10, 13).chunk()))
	if len(got) != 3 || c.Dropped != nil || c.Notes != nil {
		t.Fatalf("%d records, %+v", len(got), c)
	}
	for k, want := range map[string]any{
		"Provider_Name": "Microsoft-Windows-Security-Auditing", "EventID": 4625.0, "EventRecordID": 12.0, "Channel": "Security", "Computer": "dc1.comune.example",
		"TimeCreated": "2026-11-25T09:30:12.0000000Z", "TargetUserName": "ufficio", "IpAddress": "203.0.113.9", "IpPort": "50111", "Status": "0xc000006d",
	} {
		if got[2][k] != want {
			t.Errorf("%s is %v, want %v", k, got[2][k], want)
		}
	}
}

func TestEveryTypeOfValueIsWrittenAsWindowsWritesIt(t *testing.T) {
	for _, c := range []struct {
		kind byte
		b    []byte
		want string
	}{
		{typeString, wide("perché\x00"), "perché"},
		{typeANSI, []byte("citt\xe0\x00"), "città"},
		{0x03, []byte{0xff}, "-1"},
		{0x04, []byte{0xff}, "255"},
		{0x05, num16(0xffff), "-1"},
		{0x06, num16(0xffff), "65535"},
		{0x07, num32(0xffffffff), "-1"},
		{0x08, num32(0xffffffff), "4294967295"},
		{0x09, num64(1<<64 - 1), "-1"},
		{0x0a, num64(1<<64 - 1), "18446744073709551615"},
		{0x0b, num32(0x3fc00000), "1.5"},
		{0x0c, num64(0x3ff8000000000000), "1.5"},
		{typeBool, num32(1), "true"},
		{typeBinary, []byte{1, 0xab}, "01AB"},
		{typeGUID, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, "{04030201-0605-0807-090A-0B0C0D0E0F10}"},
		{typeSize, num64(255), "0xff"},
		{typeFiletime, num64(fileTime(at(1)) + 5), "2026-11-25T09:30:01.0000005Z"},
		{typeSystime, slices.Concat(num16(2026), num16(11), num16(3), num16(25), num16(9), num16(30), num16(1), num16(7)), "2026-11-25T09:30:01.007Z"},
		{typeSID, slices.Concat([]byte{1, 2, 0, 0, 0, 0, 0, 5}, num32(32), num32(544)), "S-1-5-32-544"},
		{typeHex32, num32(0xc000006d), "0xc000006d"},
		{typeHex64, num64(0x3e7), "0x3e7"},
		{typeSID, []byte{1, 200, 0}, "01C800"},
		{typeGUID, []byte{1}, "01"},
		{0x7f, []byte{1}, "01"},
	} {
		if got := string(text(nil, c.kind, c.b)); got != c.want {
			t.Errorf("type %#x: %s, want %s", c.kind, got, c.want)
		}
	}
	var list []string
	v := value{kind: typeArray | typeString, b: wide("uno\x00due\x00")}
	v.texts(func(s []byte) { list = append(list, string(s)) })
	w := value{kind: typeArray | 0x06, b: slices.Concat(num16(1), num16(2))}
	w.texts(func(s []byte) { list = append(list, string(s)) })
	if !slices.Equal(list, []string{"uno", "due", "1", "2"}) {
		t.Errorf("arrays: %q", list)
	}
}

func TestElementsOutsideOfTemplatesAndInsideOfValuesAreRead(t *testing.T) {
	e := newEncoder()
	forwarded := node{name: "Event", kids: []node{
		{name: "System", kids: []node{{name: "EventID", text: "4740"}, {name: "Channel", text: "ForwardedEvents"}}},
		{name: "EventData", kids: []node{{name: "Data", text: "senza nome"}, {name: "Data", text: "due"}, {name: "Data", attrs: []string{"Name", "Level"}, text: "sua"}}},
	}}
	e.record(1, func() {
		e.u8(tokFragment, 1, 1, 0)
		e.element(forwarded, false)
	})
	// A template in a value of a template, as events with user data have it.
	outer := node{name: "Event", kids: []node{
		{name: "System", kids: []node{{name: "EventID", text: "104"}, {name: "Level", text: "4"}}},
		{name: "UserData", text: "%0"},
	}}
	inner := node{name: "LogFileCleared", attrs: []string{"xmlns", "x"}, kids: []node{{name: "SubjectUserName", text: "%0"}, {name: "Level", text: "altro"}, {name: "Assente", text: "%1"}}}
	e.record(2, func() {
		e.u8(tokFragment, 1, 1, 0, tokTemplate, 1)
		e.u32(7)
		e.u32(len(e.b) + 4)
		e.b = append(e.b, make([]byte, 20)...)
		size := len(e.b)
		e.u32(0)
		e.element(outer, true)
		e.u8(tokEnd)
		e.put(size, len(e.b)-size-4)
		e.u32(1)
		desc := len(e.b)
		e.u16(0)
		e.u8(typeXML, 0)
		from := len(e.b)
		e.instance("inner", inner, []value{{kind: typeString, b: wide("tecnico")}, {kind: typeNull}})
		e.b[desc], e.b[desc+1] = byte(len(e.b)-from), byte((len(e.b)-from)>>8)
	})
	got, c := all(t, file(false, e.chunk()))
	if len(got) != 2 || c.Dropped != nil || c.Notes != nil {
		t.Fatalf("%v %+v", got, c)
	}
	if d, _ := json.Marshal(got[0]["Data"]); string(d) != `["senza nome","due"]` || got[0]["EventID"] != 4740.0 || got[0]["Level"] != "sua" {
		t.Errorf("forwarded: %v", got[0])
	}
	if got[1]["SubjectUserName"] != "tecnico" || got[1]["Level"] != 4.0 || got[1]["UserData.Level"] != "altro" || got[1]["Assente"] != nil {
		t.Errorf("user data: %v", got[1])
	}
}

func TestRecordsWrittenAfterTheHeadOfADirtyChunkAreGivenAndLeftoversAreNot(t *testing.T) {
	e := logons(10, 13)
	head := bytes.Clone(e.chunk()[:chunkHead])
	e.logon(13, "dopo la testa")
	e.logon(14, "dopo la testa")
	e.logon(3, "del giro prima")
	b := e.chunk()
	copy(b, head)
	got, c := all(t, file(true, b))
	if len(got) != 5 || c.Notes[NoteStale] != 1 || c.Notes[NoteDirty] != 1 || c.Dropped != nil {
		t.Errorf("%d records, %+v", len(got), c)
	}
}

func TestARecordThatIsDamagedGivesItsTextsAndTheNextOnesAreWhole(t *testing.T) {
	e := logons(10, 12)
	from := e.logon(12, "utente.visibile")
	e.logon(13, "dopo")
	b := e.chunk()
	b[from+recordHead+4] = 0x3f // in the place of the template's token
	got, c := all(t, file(false, b))
	if len(got) != 4 || c.Notes[NoteDamaged] != 1 || c.Notes[NoteSum] != 1 {
		t.Fatalf("%d records, %+v", len(got), c)
	}
	if s, _ := json.Marshal(got[2]["Text"]); !strings.Contains(string(s), "utente.visibile") || !strings.Contains(string(s), "203.0.113.9") || got[2]["EventRecordID"] != 12.0 {
		t.Errorf("damaged: %v", got[2])
	}
}

func TestWhatAChunkPromisesAndDoesNotHoldIsCounted(t *testing.T) {
	e := logons(10, 14)
	b := e.chunk()
	second := bytes.Index(b[chunkHead+4:], []byte(recordMagic)) + chunkHead + 4
	copy(b[second:], make([]byte, 20)) // its head is gone
	got, c := all(t, file(false, b))
	if len(got) != 3 || c.Dropped[LostPromised] != 1 {
		t.Errorf("%d records, %+v", len(got), c)
	}
}

func TestATruncatedFileGivesWhatItHoldsAndCountsTheRest(t *testing.T) {
	b := file(false, logons(1, 50).chunk(), logons(50, 100).chunk())
	got, c := all(t, b[:firstChunk+chunkSize+4000])
	if len(got) < 60 || len(got) >= 99 || c.Dropped[LostPromised] != uint64(99-len(got)) {
		t.Errorf("%d records, %+v", len(got), c)
	}
}

func TestRecordsAreCarvedWhereTheHeadOfTheChunkIsGone(t *testing.T) {
	b := logons(1, 20).chunk()
	copy(b, make([]byte, 128))
	got, c := all(t, file(false, b, logons(20, 30).chunk()))
	if len(got) != 29 || c.Notes[NoteCarved] != 19 {
		t.Errorf("%d records, %+v", len(got), c)
	}
}

func TestALogThatTurnedOverIsReadInTheOrderOfItsRecords(t *testing.T) {
	b := file(false, logons(50, 60).chunk(), make([]byte, chunkSize), logons(40, 50).chunk())
	var ids []uint64
	r := Reader{}
	if err := r.File(bytes.NewReader(b), int64(len(b)), func(x Record) error { ids = append(ids, x.ID); return nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.IsSorted(ids) || len(ids) != 20 {
		t.Errorf("%v", ids)
	}
}

func TestATemplateThatHoldsItselfEnds(t *testing.T) {
	e := newEncoder()
	e.record(1, func() {
		e.u8(tokFragment, 1, 1, 0, tokTemplate, 1)
		e.u32(7)
		at := len(e.b) + 4
		e.u32(at)
		e.b = append(e.b, make([]byte, 20)...)
		size := len(e.b)
		e.u32(0)
		for range 3 {
			e.u8(tokTemplate, 1)
			e.u32(7)
			e.u32(at)
			e.u32(0)
		}
		e.put(size, len(e.b)-size-4)
		e.u32(0)
	})
	got, c := all(t, file(false, e.chunk()))
	if len(got) != 1 || c.Notes[NoteDamaged] != 1 {
		t.Errorf("%v %+v", got, c)
	}
}

func read(t *testing.T, s *Source, most int) (n int) {
	t.Helper()
	n, err := s.Read(most, func(b []byte) error {
		if !json.Valid(b) {
			t.Errorf("no JSON: %s", b)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAFolderOfFilesIsReadOnceAndWhatIsNewWhenOneGrows(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "Security.evtx")
	put := func(path string, b []byte) {
		os.WriteFile(path, b, 0o600)
		old := time.Now().Add(-time.Minute)
		os.Chtimes(path, old, old)
	}
	put(path, file(false, logons(1, 30).chunk()))
	put(filepath.Join(dir, "System.EVTX"), file(false, logons(1, 5).chunk()))
	s, err := Open(dir, reading.Position{})
	if err != nil {
		t.Fatal(err)
	}
	n := read(t, s, 10)
	pos := s.Position() // killed in the middle
	if s, err = Open(dir, pos); err != nil {
		t.Fatal(err)
	}
	n += read(t, s, 1000) + read(t, s, 1000)
	if n != 33 {
		t.Fatalf("%d records", n)
	}
	put(path, file(false, logons(1, 30).chunk(), logons(30, 33).chunk()))
	if n := read(t, s, 1000); n != 3 {
		t.Errorf("%d new records", n)
	}
	put(path, file(false, logons(1, 3).chunk())) // the log was cleared
	if n := read(t, s, 1000); n != 2 {
		t.Errorf("%d records of the cleared log", n)
	}
}

func FuzzEVTX(f *testing.F) {
	f.Add(logons(1, 4).chunk()[:6000])
	e := newEncoder()
	e.record(1, func() { e.element(failedLogon, false) })
	f.Add(e.chunk()[:3000])
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, in := range [][]byte{b, append(file(true), b...)} {
			r := Reader{}
			total := 0
			err := r.Stream(bytes.NewReader(in), func(x Record) error {
				if total += len(x.Line); !json.Valid(x.Line) {
					t.Fatalf("no JSON: %s", x.Line)
				}
				return nil
			})
			if err != nil && err != io.EOF {
				t.Fatal(err)
			}
		}
	})
}
