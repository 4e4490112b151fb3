package source

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/klauspost/compress/zstd"
)

func given(t *testing.T, name string, b []byte) ([]string, Counters) {
	t.Helper()
	var out []string
	c, err := Lines(name, bytes.NewReader(b), func(line []byte, _ bool) { out = append(out, string(line)) })
	if err != nil {
		t.Fatal(err)
	}
	return out, c
}

func TestAFileIsReadForWhatItIsWhateverItsName(t *testing.T) {
	plain := "uno\ndue\n\ncittà"
	var gz, zs bytes.Buffer
	w := gzip.NewWriter(&gz)
	w.Write([]byte(plain))
	w.Close()
	z, _ := zstd.NewWriter(&zs)
	z.Write([]byte(plain))
	z.Close()
	wide := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(plain)) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	for name, b := range map[string][]byte{"testo": []byte(plain), "gzip": gz.Bytes(), "zstd": zs.Bytes(), "utf-16": wide, "latin-1": []byte("uno\ndue\n\ncitt\xe0")} {
		if got, c := given(t, name, b); !slices.Equal(got, []string{"uno", "due", "", "città"}) || c.Read != 4 {
			t.Errorf("%s: %q %+v", name, got, c)
		}
	}
	mail := "Received: from a.example ([203.0.113.9]) by b.example; Wed, 25 Nov 2026 10:30:05 +0100\nFrom: a@a.example\nSubject: prova\n\nciao\n"
	if got, _ := given(t, "messaggio", []byte(mail)); len(got) != 1 || !strings.Contains(got[0], `"source_ip":"203.0.113.9"`) {
		t.Errorf("mail: %q", got)
	}
	if got, c := given(t, "grande", bytes.Repeat([]byte("x"), 5*MaxLine)); len(got) != 1 || len(got[0]) != MaxLine || c.Cut != 1 {
		t.Errorf("%d lines, %+v", len(got), c)
	}
}

func TestAnExportThatIsOneListIsReadObjectByObject(t *testing.T) {
	want := []string{`{"a":"x, ] y \"","b":[1,{"c":2}]}`, `{"a":"due\n"}`}
	for _, in := range []string{
		`[` + want[0] + `,` + want[1] + `]`,
		"{\n  \"Records\": [\n    { \"a\": \"x, ] y \\\"\",\n \"b\": [ 1, {\"c\": 2} ] },\n" + want[1] + "\n  ]\n}\n",
	} {
		if got, c := given(t, "export.json", []byte(in)); !slices.Equal(got, want) || c.Read != 2 {
			t.Errorf("%s\n gave %q", in, got)
		}
	}
	long := `[{"a":"` + strings.Repeat("x", 2*MaxLine) + `"},{"a":1}]`
	if got, c := given(t, "export.json", []byte(long)); len(got) != 2 || got[1] != `{"a":1}` || c.Cut != 1 {
		t.Errorf("%d lines, %+v", len(got), c)
	}
	if got, _ := given(t, "righe.json", []byte("{\"a\":1}\n{\"a\":2}\n")); len(got) != 2 {
		t.Errorf("JSON lines: %q", got)
	}
}

func FuzzLines(f *testing.F) {
	f.Add("x.log", []byte("uno\ndue"))
	f.Add("x.json", []byte(`[{"a":"\""},{"b":[]}]`))
	f.Add("x.eml", []byte("From: a@b.example\nSubject: c\n\nhttp://x.example/"))
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		n := uint64(0)
		c, _ := Lines(name, bytes.NewReader(b), func(line []byte, _ bool) {
			if n++; len(line) > MaxLine {
				t.Fatalf("a line of %d bytes", len(line))
			}
		})
		if c.Read != n {
			t.Fatalf("%d lines given, %d counted", n, c.Read)
		}
	})
}

func TestADamagedCompressedFileGivesItsLinesAndAnError(t *testing.T) {
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	for i := range 5000 {
		fmt.Fprintf(w, "riga %d %x\n", i, i*7919)
	}
	w.Close()
	n := 0
	c, err := Lines("x.gz", bytes.NewReader(gz.Bytes()[:gz.Len()/2]), func([]byte, bool) { n++ })
	if err == nil || n < 500 || uint64(n) != c.Read || c.Dropped["damaged compression"] != 1 {
		t.Errorf("%d lines, %+v, %v", n, c, err)
	}
	if _, err := Lines("x.xz", bytes.NewReader([]byte{0xfd, '7', 'z', 'X', 'Z', 0}), nil); err == nil || !strings.Contains(err.Error(), "unxz") {
		t.Errorf("xz: %v", err)
	}
}

func TestAWrongSpecIsToldWhatToWrite(t *testing.T) {
	dir := t.TempDir()
	for spec, want := range map[string]string{
		"giornale:x":                   "journald:ssh.service",
		"syslog:0.0.0.0:514":           "syslog:udp://0.0.0.0:5514",
		"syslog:udp://0.0.0.0":         "no port",
		"syslog:tls://127.0.0.1:0":     "?cert=FILE&key=FILE",
		"flow:ovunque":                 "0.0.0.0:2055",
		"evtx:" + dir + "/manca":       "manca",
		"mail:" + dir + "/manca":       "not a folder",
		"winevent:Security":            "evtx:FILE",
		"syslog:udp://203.0.113.1:514": "cannot assign",
	} {
		s, err := Open(spec, Position{}, Options{Dir: dir})
		if err == nil {
			s.Close()
		}
		if err == nil || s != nil || !strings.Contains(err.Error(), want) && want != "not a folder" {
			t.Errorf("%s: %v, want a word of %q", spec, err, want)
		}
	}
	if _, err := Open("syslog:udp://127.0.0.1:0", Position{}, Options{}); err == nil {
		t.Error("a queue without a folder")
	}
}

func TestPositionsOfYesterdayAreRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.log")
	os.WriteFile(path, []byte("uno\ndue\n"), 0o600)
	s, err := Open(path, Position{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.Read(1, func([]byte) error { return nil })
	p := s.Position()
	old := fmt.Sprintf(`{"offset":%d,"head":%d,"head_len":%d}`, p.Offset, p.Head, p.HeadLen)
	var back Position
	if err := json.Unmarshal([]byte(old), &back); err != nil {
		t.Fatal(err)
	}
	src, err := Open(path, back, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var got []string
	src.Read(10, func(b []byte) error { got = append(got, string(b)); return nil })
	if !slices.Equal(got, []string{"due"}) {
		t.Errorf("%q", got)
	}
}

// kept is what the process that is killed writes as one file: where it stands,
// and what it counted up to there.
type kept struct {
	Position Position
	Lines    []int
}

// TestMain lets the test program be the process that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SOURCE_READER"); dir != "" {
		readUntilKilled(dir)
	}
	os.Exit(m.Run())
}

func load(dir string) (k kept) {
	b, _ := os.ReadFile(filepath.Join(dir, "state"))
	_ = json.Unmarshal(b, &k)
	return k
}

func readUntilKilled(dir string) {
	k := load(dir)
	s, err := Open(filepath.Join(dir, "auth.log"), k.Position, Options{History: true})
	if err != nil {
		panic(err)
	}
	for {
		if _, err := s.Read(7, func(b []byte) error {
			var n int
			fmt.Sscanf(string(b), "riga %d", &n)
			k.Lines = append(k.Lines, n)
			return nil
		}); err != nil && !os.IsNotExist(err) {
			panic(err)
		}
		k.Position = s.Position()
		b, _ := json.Marshal(k)
		tmp := filepath.Join(dir, "state.new")
		if os.WriteFile(tmp, b, 0o600) != nil || os.Rename(tmp, filepath.Join(dir, "state")) != nil {
			panic("state")
		}
	}
}

func TestAnAgentKilledAtAnyMomentWhileLogsRotateReadsEveryLineOnce(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "auth.log")
	const rounds, lines = 12, 150
	n := 0
	for round := range rounds {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "SOURCE_READER="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for range lines {
			fmt.Fprintf(f, "riga %d del giorno %d\n", n, round)
			n++
		}
		time.Sleep(time.Duration(round*5) * time.Millisecond)
		if round%2 == 0 {
			cmd.Process.Kill()
			cmd.Wait()
		}
		f.Close()
		for i := rounds; i > 0; i-- { // numbers grow, the oldest are not deleted
			os.Rename(fmt.Sprintf("%s.%d", path, i), fmt.Sprintf("%s.%d", path, i+1))
		}
		os.Rename(path, path+".1")
		if round%2 == 1 {
			cmd.Process.Kill()
			cmd.Wait()
		}
	}
	os.WriteFile(path, []byte(fmt.Sprintf("riga %d\n", n)), 0o600)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SOURCE_READER="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var k kept
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if k = load(dir); len(k.Lines) > 0 && k.Lines[len(k.Lines)-1] == n {
			break
		}
	}
	cmd.Process.Kill()
	cmd.Wait()
	for i, l := range k.Lines {
		if l != i {
			t.Fatalf("line %d came as number %d of %d", l, i, n)
		}
	}
	if len(k.Lines) != n+1 {
		t.Errorf("%d lines of %d", len(k.Lines), n+1)
	}
}
