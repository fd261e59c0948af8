package whatsapp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"

	"gatehouse/channels/internal/graph"
	"gatehouse/internal/chat"
)

// FetchMedia opens a file that a contact sent. The address in a webhook lives five minutes, so a fresh one is asked for
// by the file's id, which lives seven days. It returns chat.CodeNotFound when the provider has it no more.
func (s *sender) FetchMedia(ctx context.Context, ref chat.MediaRef) (io.ReadCloser, string, int64, error) {
	var file struct {
		URL  string      `json:"url"`
		Type string      `json:"mime_type"`
		Size graph.Loose `json:"file_size"`
	}
	if ref.ProviderID == "" {
		file.URL = ref.URL
	} else if err := s.graph.Get(ctx, &file, url.Values{"phone_number_id": {s.number}}, ref.ProviderID); err != nil {
		return nil, "", 0, gone(err)
	}
	resp, err := s.graph.Download(ctx, file.URL)
	if err != nil {
		return nil, "", 0, err
	}
	size := resp.ContentLength
	if size < 0 && file.Size != "" {
		size = int64(file.Size.Int())
	}
	if file.Type == "" {
		file.Type = resp.Header.Get("Content-Type")
	}
	return resp.Body, file.Type, size, nil
}

// gone keeps a file that does not exist apart from a number that does not: Graph says 100/33 of both.
func gone(err error) error {
	var refused *chat.SendError
	if errors.As(err, &refused) && refused.Provider == "100/33" {
		return chat.Errorf(chat.CodeNotFound, "the provider no longer has the file")
	}
	return err
}

// UploadMedia hands a file over for a later send; its id lives 30 days. Nothing reaches the contact by it, so every error
// may be tried again.
func (s *sender) UploadMedia(ctx context.Context, name, contentType string, size int64, body io.Reader) (string, error) {
	if _, _, err := mime.ParseMediaType(contentType); err != nil {
		return "", refuse(chat.CodeMediaType, "the file has no readable type")
	}
	var head bytes.Buffer
	form := multipart.NewWriter(&head)
	for _, field := range [][2]string{{"messaging_product", "whatsapp"}, {"type", contentType}} {
		if err := form.WriteField(field[0], field[1]); err != nil {
			return "", err
		}
	}
	if _, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {mime.FormatMediaType("form-data", map[string]string{"name": "file", "filename": plain(name)})},
		"Content-Type":        {contentType},
	}); err != nil {
		return "", err
	}
	tail := []byte("\r\n--" + form.Boundary() + "--\r\n")
	total := int64(-1)
	if size >= 0 {
		total = int64(head.Len()) + size + int64(len(tail))
	}
	var answer struct {
		ID graph.Loose `json:"id"`
	}
	stream := io.MultiReader(&head, body, bytes.NewReader(tail))
	if err := s.graph.PostStream(ctx, &answer, form.FormDataContentType(), stream, total, s.number, "media"); err != nil {
		return "", err
	}
	if answer.ID == "" {
		return "", errors.New("whatsapp: the answer to the upload of " + strconv.FormatInt(size, 10) + " bytes names no file")
	}
	return string(answer.ID), nil
}

// plain is a file name in ASCII. Whoever receives the file sees another: the one that Send gives.
func plain(name string) string {
	name = strings.Map(func(c rune) rune {
		if c > '~' {
			return '_'
		}
		return c
	}, chat.CleanFilename(name))
	if name == "" {
		return "file"
	}
	return name
}
