package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"filo/detection"
	"filo/internal/history"
	"filo/internal/logline"
	"filo/internal/observable"
	"filo/internal/sigma"
	"filo/internal/sigma/sigmatest"
	"filo/internal/watch"

	"golang.org/x/sys/unix"
)

// start is the day on which the made logs play.
var start = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// corpus makes mixed logs as five kinds of products write them, with 20,000
// addresses and as many names. One line in 2,000 carries a value that is watched
// for.
func corpus(size int, planted []string) []byte {
	r := rand.New(rand.NewPCG(5, 6))
	var pool [20_000]string
	for i := range pool {
		pool[i] = fmt.Sprintf("%d.%d.%d.%d", 1+r.IntN(223), r.IntN(256), r.IntN(256), r.IntN(256))
	}
	ip := func() string { return pool[r.IntN(len(pool))] }
	name := func() string { n := r.IntN(20_000); return fmt.Sprintf("h%d.zona%d.example", n, n%900) }
	var b bytes.Buffer
	for i := 0; b.Len() < size; i++ {
		at := start.Add(time.Duration(i) * 50 * time.Millisecond)
		from := ip()
		if i%5 == 2 { // who guesses passwords comes again
			from = fmt.Sprintf("203.0.113.%d", 1+r.IntN(60))
		}
		if i%2000 == 7 {
			from = planted[i/2000%len(planted)]
		}
		switch i % 5 {
		case 0:
			fmt.Fprintf(&b, "date=%s time=%s devname=\"FG100\" devid=\"FG100ETK18000000\" eventtime=%d tz=\"+0000\" logid=\"0000000013\" type=\"traffic\" subtype=\"forward\" level=\"notice\" vd=\"root\" srcip=%s srcport=%d srcintf=\"port2\" dstip=%s dstport=443 dstintf=\"port1\" policyid=12 sessionid=%d proto=6 action=\"accept\" service=\"HTTPS\" hostname=\"%s\" sentbyte=%d rcvdbyte=%d\n", at.Format(time.DateOnly), at.Format(time.TimeOnly), at.UnixNano(), from, 1024+r.IntN(60000), ip(), i, name(), r.IntN(9999), r.IntN(99999))
		case 1:
			fmt.Fprintf(&b, "%s - - [%s] \"GET /servizi/pagina%d.html HTTP/1.1\" 200 %d \"https://%s/area/%d\" \"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\"\n", from, at.Format("02/Jan/2006:15:04:05 -0700"), r.IntN(900), r.IntN(9999), name(), r.IntN(99))
		case 2:
			fmt.Fprintf(&b, "%s srv sshd[%d]: Failed password for invalid user %s from %s port %d ssh2\n", at.Format("2006-01-02T15:04:05.000000-07:00"), r.IntN(9999), []string{"root", "root", "root", "admin", "admin", "test", "oracle", "guest"}[r.IntN(8)], from, 1024+r.IntN(60000))
		case 3:
			fmt.Fprintf(&b, "{\"EventTime\":\"%s\",\"Hostname\":\"PC%d.comune.example\",\"Channel\":\"Security\",\"EventID\":4624,\"TargetUserName\":\"utente%d\",\"LogonType\":3,\"IpAddress\":\"%s\",\"IpPort\":\"%d\",\"Hashes\":\"SHA256=%064X\",\"ProcessName\":\"C:\\\\Windows\\\\System32\\\\svchost.exe\"}\n", at.Format(time.DateTime), r.IntN(200), r.IntN(99), from, r.IntN(60000), r.Uint64())
		case 4:
			fmt.Fprintf(&b, "{\"ts\":%d.%06d,\"uid\":\"C%d\",\"id.orig_h\":\"%s\",\"id.orig_p\":%d,\"id.resp_h\":\"%s\",\"id.resp_p\":53,\"proto\":\"udp\",\"trans_id\":%d,\"query\":\"%s\",\"qtype_name\":\"A\",\"rcode_name\":\"NOERROR\",\"answers\":[\"%s\"]}\n", at.Unix(), i%1000000, i, from, 1024+r.IntN(60000), ip(), i%65536, name(), ip())
		}
	}
	return b.Bytes()
}

// indicators makes n of them as a real collection is mixed: names, addresses,
// hashes, URLs.
func indicators(n int) (entries []watch.Entry, planted []string) {
	r := rand.New(rand.NewPCG(7, 8))
	for i := range n {
		v := observable.Value{Kind: observable.Domain, Value: fmt.Sprintf("m%d.cattivo%d.example", i, r.IntN(1<<30))}
		switch {
		case i%100 < 25:
			v = observable.Value{Kind: observable.IPv4, Value: fmt.Sprintf("%d.%d.%d.%d", 1+r.IntN(223), r.IntN(256), r.IntN(256), r.IntN(256))}
			if len(planted) < 500 {
				planted = append(planted, v.Value)
			}
		case i%100 < 37:
			v = observable.Value{Kind: observable.SHA256, Value: fmt.Sprintf("%064x", r.Uint64())}
		case i%100 < 39:
			v = observable.Value{Kind: observable.URL, Value: fmt.Sprintf("http://u%d.cattivo.example/p/%d", i, r.IntN(1<<20))}
		}
		entries = append(entries, watch.Entry{Value: v, Name: "i"})
	}
	return entries, planted
}

// matching measures raw mixed logs against indicators, beside counting lines and
// beside splitting lines and looking each word up.
func (b *bench) matching() error {
	for _, n := range []int{100_000, 1_000_000} {
		entries, planted := indicators(n)
		log := corpus(64<<20, planted)
		lines := bytes.Count(log, []byte("\n"))
		dir := filepath.Join(b.dir, fmt.Sprint("watch-", n))
		l, _, err := watch.Open(dir, 3)
		if err != nil {
			return err
		}
		if err := l.Replace(func(yield func(watch.Entry) bool) {
			for _, e := range entries {
				if !yield(e) {
					return
				}
			}
		}); err != nil {
			return err
		}
		if err := l.Close(); err != nil {
			return err
		}
		words := map[string]bool{}
		for _, e := range entries {
			words[e.Value.Value] = true
		}
		entries = nil
		before := heap()
		t0 := time.Now()
		if l, _, err = watch.Open(dir, 3); err != nil {
			return err
		}
		load := time.Since(t0)
		size := heap() - before
		name := fmt.Sprintf("%d indicators: ", n)
		b.say(name+"load", load.Seconds(), "s", "limit 0.3 s", load.Seconds()/0.3)
		b.say(name+"heap", float64(size)/(1<<20), "MB", "limit 25 MB", float64(size)/(25<<20))
		hits := 0
		took := cpu(func() { hits, err = matchAll(l, log) })
		if err != nil {
			return err
		}
		mb := float64(len(log)) / 1e6 / took.Seconds()
		b.say(name+"match raw mixed logs", mb, "MB/s", "target 450 MB/s", mb/450)
		b.say(name+"match raw mixed logs", float64(lines)/took.Seconds()/1e6, "M lines/s", "target 1.3 M lines/s", float64(lines)/took.Seconds()/1.3e6)
		count := cpu(func() { _ = bytes.Count(log, []byte("\n")) })
		b.say(name+"counting the line ends alone", float64(len(log))/1e6/count.Seconds(), "MB/s", "matching", took.Seconds()/count.Seconds())
		part := log[:8<<20]
		found := 0
		split := cpu(func() { found = splitAll(words, part) })
		ms := float64(len(part)) / 1e6 / split.Seconds()
		b.say(name+"peer: split and map", ms, "MB/s", "matching", mb/ms)
		quick := lineHits(l, part)
		fmt.Printf("%-58s %d lines hit by the quick matcher in 64 MB; in 8 MB %d, by split and map %d\n", "", hits, quick, found)
		l.Close()
	}
	return nil
}

func matchAll(l *watch.List, log []byte) (int, error) {
	f := observable.Finder{Seed: 3}
	var tokens []observable.Token
	var hits []watch.Hit
	var err error
	n := 0
	for len(log) > 0 {
		end := min(len(log), 256<<10)
		if end < len(log) {
			end = bytes.LastIndexByte(log[:end], '\n') + 1
		}
		tokens = f.Find(log[:end], tokens[:0])
		if hits, err = l.Match(log[:end], tokens, hits[:0]); err != nil {
			return n, err
		}
		n += len(hits)
		log = log[end:]
	}
	return n, nil
}

func lineHits(l *watch.List, log []byte) int {
	f := observable.Finder{Seed: 3}
	n := 0
	for line := range bytes.Lines(log) {
		if hits, err := l.Match(line, f.Find(line, nil), nil); err == nil && len(hits) > 0 {
			n++
		}
	}
	return n
}

// splitAll is the obvious way: every word of every line is looked up.
func splitAll(words map[string]bool, log []byte) int {
	n := 0
	for line := range bytes.Lines(log) {
		for _, w := range strings.FieldsFunc(string(line), func(r rune) bool { return strings.ContainsRune(" \t\",=:[]()<>/{}", r) }) {
			if words[w] {
				n++
				break
			}
		}
	}
	return n
}

var sshdRegexp = regexp.MustCompile(`^(\S+) (\S+) sshd\[\d+\]: (Failed|Accepted) (\S+) for (?:invalid user )?(.*) from (\S+) port (\d+)`)

// parsing measures parse and all our rules, line by line, beside one regular
// expression that reads sshd.
func (b *bench) parsing() error {
	log := corpus(32<<20, []string{"203.0.113.9"})
	kinds := map[string][][]byte{}
	for line := range bytes.Lines(log) {
		kind := "fortigate"
		switch {
		case bytes.Contains(line, []byte("sshd[")):
			kind = "sshd"
		case bytes.Contains(line, []byte("Mozilla")):
			kind = "combined"
		case line[0] == '{':
			kind = "json"
		}
		kinds[kind] = append(kinds[kind], bytes.TrimSpace(line))
	}
	for _, x := range []struct {
		kind   string
		target float64
	}{{"sshd", 2e6}, {"combined", 1e6}, {"fortigate", 0.6e6}} {
		list := kinds[x.kind]
		r := &logline.Reader{Zone: time.UTC, Now: time.Now}
		parse := cpu(func() {
			for _, line := range list {
				r.Parse(line)
			}
		})
		n := float64(len(list))
		b.say(x.kind+": parse alone", n/parse.Seconds()/1e6, "M lines/s", fmt.Sprintf("target %.1f M lines/s with rules", x.target/1e6), n/parse.Seconds()/x.target)
		g := detection.New(detection.Options{})
		all := cpu(func() {
			for _, line := range list {
				e, _ := r.Parse(line)
				g.Feed(e, line, "l")
			}
		})
		b.say(x.kind+": parse and all rules", n/all.Seconds()/1e6, "M lines/s", fmt.Sprintf("target %.1f M lines/s", x.target/1e6), n/all.Seconds()/x.target)
	}
	list := kinds["sshd"]
	slow := cpu(func() {
		for _, line := range list[:len(list)/10] {
			sshdRegexp.FindSubmatch(line)
		}
	})
	b.say("sshd: peer, one regular expression", float64(len(list)/10)/slow.Seconds()/1e6, "M lines/s", "target 2 M lines/s", float64(len(list)/10)/slow.Seconds()/2e6)
	return nil
}

// sigmaRules reads a collection from FILO_BENCH_SIGMA: a folder or a .tar.gz.
func sigmaRules() (rules []*sigma.Rule, problems int, err error) {
	path := os.Getenv("FILO_BENCH_SIGMA")
	take := func(name string, r io.Reader) {
		list, bad := sigma.ReadRules(r, name, "DRL-1.1")
		rules, problems = append(rules, list...), problems+len(bad)
	}
	if !strings.HasSuffix(path, ".tar.gz") {
		err = filepath.WalkDir(path, func(p string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(p) != ".yml" {
				return err
			}
			f, err := os.Open(p)
			if err == nil {
				defer f.Close()
				take(p, f)
			}
			return err
		})
		return rules, problems, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, 0, err
	}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return rules, problems, nil
		}
		if err != nil {
			return rules, problems, err
		}
		if strings.HasSuffix(h.Name, ".yml") {
			take(h.Name, t)
		}
	}
}

// sigma measures the rules of a collection for Windows on made events.
func (b *bench) sigma() error {
	if os.Getenv("FILO_BENCH_SIGMA") == "" {
		fmt.Println("sigma: set FILO_BENCH_SIGMA to a folder or .tar.gz of rules to measure them")
		return nil
	}
	t0 := time.Now()
	before := heap()
	all, problems, err := sigmaRules()
	if err != nil {
		return err
	}
	read := time.Since(t0)
	var rules []*sigma.Rule
	for _, r := range all {
		if r.Logsource.Product == "windows" {
			rules = append(rules, r)
		}
	}
	t0 = time.Now()
	e, bad := sigma.Compile(rules, sigma.Options{})
	compiled := time.Since(t0)
	fmt.Printf("%-58s %d rules read with %d problems, %d for Windows compiled with %d; %+v\n", "", len(all), problems, len(rules), len(bad), e.Stats())
	b.say("sigma: read the whole collection", read.Seconds(), "s", "compile for Windows", read.Seconds()/compiled.Seconds())
	all, rules = nil, nil
	b.say("sigma: heap with all Windows rules", float64(heap()-before)/(1<<20), "MB", "limit 120 MB", float64(heap()-before)/(120<<20))
	texts := sigmatest.Events(20_000, 1)
	router, err := sigma.NewRouter()
	if err != nil {
		return err
	}
	events := make([]*sigma.Event, len(texts))
	d := sigma.NewDecoder()
	for i, t := range texts {
		var ev sigma.Event
		if err := d.ParseJSON(t, &ev); err != nil {
			return err
		}
		router.Route(&ev)
		events[i] = ev.Clone()
	}
	m := e.NewMatcher()
	var out []*sigma.Rule
	hits := 0
	took := cpu(func() {
		for _, ev := range events {
			out = m.Match(ev, out[:0])
			hits += len(out)
		}
	})
	n := float64(len(events))
	b.say("sigma: routed match, all Windows rules", n/took.Seconds(), "events/s", "target 80,000", n/took.Seconds()/80_000)
	var ev sigma.Event
	took = cpu(func() {
		for _, t := range texts {
			if d.ParseJSON(t, &ev) == nil {
				router.Route(&ev)
				out = m.Match(&ev, out[:0])
			}
		}
	})
	b.say("sigma: the same from JSON text", n/took.Seconds(), "events/s", "target 40,000", n/took.Seconds()/40_000)
	return nil
}

// remembering measures the look-back: 90 days of 23,200 distinct values an hour,
// and 100,000 questions, 720 of which it has.
func (b *bench) remembering() error {
	const hours, distinct = 90 * 24, 23_200
	dir := filepath.Join(b.dir, "history")
	h, err := history.Open(dir, 3, history.Options{}, nil)
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(9, 10))
	keys := make([]observable.Key, 20)
	var asked []observable.Key
	var adding, tidying time.Duration
	for hour := range hours {
		now := start.Add(time.Duration(hour)*time.Hour + time.Minute)
		t0 := time.Now()
		for i := 0; i < distinct; i += len(keys) {
			for k := range keys {
				keys[k] = observable.Key(mixed(uint64(r.IntN(4_000_000))))
			}
			if err := h.Line(now, now, "log", keys); err != nil {
				return err
			}
		}
		if _, err := h.Flush(); err != nil {
			return err
		}
		adding += time.Since(t0)
		if hour%(hours/1000+1) == 0 && len(asked) < 1000 {
			asked = append(asked, keys[0])
		}
		t0 = time.Now()
		for _, at := range []time.Time{now.Add(3 * time.Hour), now.Add(4 * time.Hour)} {
			if err := h.Roll(at); err != nil {
				return err
			}
		}
		if hour%24 == 23 {
			if err := h.Tidy(now.Add(28 * time.Hour)); err != nil {
				return err
			}
		}
		tidying += time.Since(t0)
	}
	x := h.Health()
	n := float64(hours * distinct)
	b.say("look-back: append, with every hour on disk", n/adding.Seconds()/1e6, "M/s", "target 1 M/s", n/adding.Seconds()/1e6)
	b.say("look-back: merging into days and months", tidying.Seconds(), "s", "appending", tidying.Seconds()/adding.Seconds())
	b.say("look-back: bytes for each value and hour", float64(x.Bytes)/n, "B", "limit 12 B", float64(x.Bytes)/n/12)
	there := len(asked)
	for len(asked) < 100_000 {
		asked = append(asked, observable.Key(mixed(uint64(5_000_000+len(asked)))))
	}
	h.Close()
	cold, err := history.Open(dir, 3, history.Options{}, nil)
	if err != nil {
		return err
	}
	defer cold.Close()
	forget(dir)
	t0 := time.Now()
	now := start.Add(hours * time.Hour)
	seen, _, err := cold.Look(asked, now)
	if err != nil {
		return err
	}
	took := time.Since(t0)
	b.say(fmt.Sprintf("look-back: 100,000 asked of 50 M, %d segments, cold", x.Segments), float64(took.Microseconds())/1000, "ms", "limit 500 ms", took.Seconds()/0.5)
	t0 = time.Now()
	if _, _, err = cold.Look(asked, now); err != nil {
		return err
	}
	took = time.Since(t0)
	b.say("look-back: the same, warm", float64(took.Microseconds())/1000, "ms", "limit 100 ms", took.Seconds()/0.1)
	t0 = time.Now()
	if _, _, err = cold.Look(asked[:10_000], now); err != nil {
		return err
	}
	b.say("look-back: a tenth of the questions, warm", float64(time.Since(t0).Microseconds())/1000, "ms", "all of them", time.Since(t0).Seconds()/took.Seconds())
	fmt.Printf("%-58s %d of the %d that are there were found\n", "", len(seen), there)
	return nil
}

func mixed(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// forget asks the system to drop what it holds of the files of a folder.
func forget(dir string) {
	list, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, p := range list {
		if f, err := os.Open(p); err == nil {
			_ = f.Sync()
			_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
			f.Close()
		}
	}
}

// cpu gives the time that the process itself worked, which other programs on the
// machine do not stretch.
func cpu(f func()) time.Duration {
	runtime.GC()
	var a, b unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &a)
	f()
	_ = unix.Getrusage(unix.RUSAGE_SELF, &b)
	return time.Duration(b.Utime.Nano() - a.Utime.Nano() + b.Stime.Nano() - a.Stime.Nano())
}

func heap() int64 {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
