package winevent

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	wevtapi           = windows.NewLazySystemDLL("wevtapi.dll")
	evtSubscribe      = wevtapi.NewProc("EvtSubscribe")
	evtQuery          = wevtapi.NewProc("EvtQuery")
	evtNext           = wevtapi.NewProc("EvtNext")
	evtRender         = wevtapi.NewProc("EvtRender")
	evtClose          = wevtapi.NewProc("EvtClose")
	evtCreateBookmark = wevtapi.NewProc("EvtCreateBookmark")
	evtUpdateBookmark = wevtapi.NewProc("EvtUpdateBookmark")
)

// handle is one of the event log's.
type handle uintptr

// Where a subscription begins.
const (
	fromFuture   = 1
	fromOldest   = 2
	fromBookmark = 3
)

// How a channel is asked for what it holds.
const (
	queryChannel = 0x1
	queryReverse = 0x200
)

// What EvtRender is asked for.
const (
	renderXML      = 1
	renderBookmark = 2
)

func call(p *windows.LazyProc, args ...uintptr) (uintptr, error) {
	if err := p.Find(); err != nil {
		return 0, err
	}
	r, _, err := p.Call(args...)
	if r != 0 {
		return r, nil
	}
	if errors.Is(err, windows.ERROR_SUCCESS) {
		err = windows.ERROR_INVALID_HANDLE
	}
	return 0, fmt.Errorf("%s: %w", p.Name, err)
}

func (h handle) close() {
	if h != 0 {
		_, _ = call(evtClose, uintptr(h))
	}
}

// subscribe begins to follow a channel. The signal is set when records come.
func subscribe(channel string, signal windows.Handle, bookmark handle, from uint32) (handle, error) {
	path, err := windows.UTF16PtrFromString(channel)
	if err != nil {
		return 0, err
	}
	r, err := call(evtSubscribe, 0, uintptr(signal), uintptr(unsafe.Pointer(path)), 0, uintptr(bookmark), 0, 0, uintptr(from))
	return handle(r), err
}

// newest gives the youngest record of a channel, 0 when it is empty.
func newest(channel string) (handle, error) {
	path, err := windows.UTF16PtrFromString(channel)
	if err != nil {
		return 0, err
	}
	r, err := call(evtQuery, 0, uintptr(unsafe.Pointer(path)), 0, queryChannel|queryReverse)
	if err != nil {
		return 0, err
	}
	defer handle(r).close()
	one := make([]handle, 1)
	_, err = handle(r).next(one)
	return one[0], err
}

// next gives records that have come, at most as many as into holds.
func (h handle) next(into []handle) (int, error) {
	var n uint32
	_, err := call(evtNext, uintptr(h), uintptr(len(into)), uintptr(unsafe.Pointer(&into[0])), 0, 0, uintptr(unsafe.Pointer(&n)))
	if errors.Is(err, windows.ERROR_NO_MORE_ITEMS) || errors.Is(err, windows.ERROR_TIMEOUT) {
		return 0, nil
	}
	return int(n), err
}

// render writes a record or a bookmark as XML, in UTF-16.
func (h handle) render(what uint32, buf *[]uint16) ([]uint16, error) {
	if len(*buf) == 0 {
		*buf = make([]uint16, 16<<10)
	}
	for {
		var used, count uint32
		_, err := call(evtRender, 0, uintptr(h), uintptr(what), uintptr(2*len(*buf)), uintptr(unsafe.Pointer(&(*buf)[0])),
			uintptr(unsafe.Pointer(&used)), uintptr(unsafe.Pointer(&count)))
		if errors.Is(err, windows.ERROR_INSUFFICIENT_BUFFER) && int(used) > 2*len(*buf) && used < 16<<20 {
			*buf = make([]uint16, used/2+1)
			continue
		}
		if err != nil {
			return nil, err
		}
		out := (*buf)[:min(int(used/2), len(*buf))]
		for len(out) > 0 && out[len(out)-1] == 0 {
			out = out[:len(out)-1]
		}
		return out, nil
	}
}

func newBookmark(xml string) (handle, error) {
	if xml == "" {
		r, err := call(evtCreateBookmark, 0)
		return handle(r), err
	}
	p, err := windows.UTF16PtrFromString(xml)
	if err != nil {
		return 0, err
	}
	r, err := call(evtCreateBookmark, uintptr(unsafe.Pointer(p)))
	return handle(r), err
}

func (h handle) mark(record handle) error {
	_, err := call(evtUpdateBookmark, uintptr(h), uintptr(record))
	return err
}
