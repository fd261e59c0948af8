package widget

import (
	"context"
	"io"
	"log/slog"
	"math"
	"net/url"
	"strings"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"gatehouse/gateway/web"
	"gatehouse/internal/auth"
	"gatehouse/internal/chat"
	"gatehouse/internal/media"
)

// site finds the account that the path names.
func (s *Server) site(c *fiber.Ctx) (*site, error) {
	id, err := chat.ParseID[chat.AccountID](c.Params("account"))
	if err != nil {
		return nil, err
	}
	return s.sites.get(web.Context(c), id)
}

// origin is the request's Origin header; "" when it is absent or there are several.
func origin(c *fiber.Ctx) string {
	if all := c.Request().Header.PeekAll(fiber.HeaderOrigin); len(all) == 1 {
		return string(all[0])
	}
	return ""
}

// self is our own origin.
func (s *Server) self(c *fiber.Ctx) string {
	own := s.cfg.Origin
	if own == "" {
		own = "http://" + string(c.Request().Header.Host())
		if web.Secure(c) {
			own = "https" + own[len("http"):]
		}
	}
	own, _ = canonicalOrigin(own)
	return own
}

// mayCall admits our own frame, and pages of the account's origins. Browsers name the origin of every POST and every
// WebSocket; who names none is no browser and has nothing to do here (RELIABILITY.md B54, S26).
func (s *Server) mayCall(c *fiber.Ctx, site *site) error {
	if web.SameOrigin(c, true) != nil && !allows(site.origins, origin(c)) {
		return chat.Errorf(chat.CodeForbidden, "this origin is not on the account's list")
	}
	return nil
}

// config tells the loader on a page how the chat looks, and by its refusal that the page may not show it.
func (s *Server) config(c *fiber.Ctx) error {
	c.Set(fiber.HeaderVary, fiber.HeaderOrigin)
	site, err := s.site(c)
	if err != nil {
		return err
	}
	from := origin(c)
	if from == "" {
		from = s.self(c) // a page of our own origin: browsers name no origin there
	}
	if !allows(site.origins, from) {
		return chat.Errorf(chat.CodeForbidden, "this origin is not on the account's list")
	}
	c.Set(fiber.HeaderAccessControlAllowOrigin, from)
	c.Set(fiber.HeaderCacheControl, "private, max-age=60")
	return c.JSON(site.look)
}

// createVisitor gives a browser that begins its first chat a token. It exists only in this answer and, as a hash that
// holds for this account alone, in the record (RELIABILITY.md S39).
func (s *Server) createVisitor(c *fiber.Ctx) error {
	site, err := s.site(c)
	if err != nil {
		return err
	}
	if err := s.mayCall(c, site); err != nil {
		return err
	}
	if wait := s.visitors.take(site.account.ID.String()+" "+network(web.Client(c)), s.deps.Now()); wait > 0 {
		return tooMany(wait)
	}
	token, hash := auth.NewVisitorToken(site.account.ID)
	address := addressOf(site.account.ID, uuid.NewString())
	ctx, cancel := context.WithTimeout(web.Context(c), acceptWithin)
	defer cancel()
	if err := s.deps.Visitors.CreateVisitor(ctx, site.account.ID, address, hash); err != nil {
		return err
	}
	return c.Status(fiber.StatusCreated).JSON(fiber.Map{"token": token, "visitor": address.Value})
}

// visitor finds who asks by the Authorization header.
func (s *Server) visitor(c *fiber.Ctx, site *site) (chat.Identity, error) {
	token, ok := strings.CutPrefix(c.Get(fiber.HeaderAuthorization), "Bearer ")
	if !ok {
		return chat.Identity{}, chat.Errorf(chat.CodeSessionOver, "no visitor token")
	}
	return s.byToken(web.Context(c), site, token)
}

func (s *Server) byToken(ctx context.Context, site *site, token string) (chat.Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	return s.deps.Visitors.Visitor(ctx, site.account.ID, auth.HashVisitorToken(site.account.ID, token))
}

// live opens the socket. Who it is comes in the first frame: a token has no place in an address.
func (s *Server) live(c *fiber.Ctx) error {
	site, err := s.site(c)
	if err != nil {
		return err
	}
	if err := s.mayCall(c, site); err != nil {
		return err
	}
	if s.closing.Err() != nil {
		return chat.Errorf(chat.CodeUnavailable, "shutting down")
	}
	return s.sockets.Upgrade(c, func(conn *websocket.Conn) { s.serve(conn, site) })
}

// upload takes a file. Its bytes are the body, its name, percent-encoded, is X-File-Name.
func (s *Server) upload(c *fiber.Ctx) error {
	site, err := s.site(c)
	if err != nil {
		return err
	}
	if err := s.mayCall(c, site); err != nil {
		return err
	}
	visitor, err := s.visitor(c, site)
	if err != nil {
		return err
	}
	if wait := s.uploads.take(visitor.Address.Value, s.deps.Now()); wait > 0 {
		return tooMany(wait)
	}
	largest := site.look.FileLimit
	body, size := web.Body(c)
	if size > largest {
		return chat.Errorf(chat.CodeMediaTooLarge, "over the channel's limit").With("limit", largest).With("size", size)
	}
	name, err := url.PathUnescape(c.Get("X-File-Name"))
	if err != nil {
		name = "" // then it has none
	}
	file, err := s.deps.Files.SaveUpload(web.Context(c), site.account.ID, visitor.Address, strings.Clone(media.SafeName(name)),
		strings.Clone(c.Get(fiber.HeaderContentType)), &capped{body, largest})
	if err == nil {
		err = s.cfg.Driver.Capabilities.CheckMedia(kindOf(file.Type), file.Type, file.Size)
	}
	if err != nil {
		return err
	}
	return c.Status(fiber.StatusCreated).JSON(mediaRef{
		ID: file.ID.String(), State: string(file.State), Type: file.Type, Name: file.Name, Size: file.Size,
		Width: file.Width, Height: file.Height, Thumb: file.Thumb,
	})
}

// capped ends with CodeMediaTooLarge after so many bytes.
type capped struct {
	r    io.Reader
	left int64
}

func (r *capped) Read(p []byte) (int, error) {
	if int64(len(p)) > r.left+1 {
		p = p[:r.left+1]
	}
	n, err := r.r.Read(p)
	if r.left -= int64(n); r.left < 0 {
		return 0, chat.Errorf(chat.CodeMediaTooLarge, "over the channel's limit")
	}
	return n, err
}

// kindOf tells what a message with a file of this type is.
func kindOf(mediaType string) chat.MessageKind {
	switch family, _, _ := strings.Cut(mediaType, "/"); family {
	case "image":
		return chat.KindImage
	case "video":
		return chat.KindVideo
	case "audio":
		return chat.KindAudio
	}
	return chat.KindDocument
}

// media hands out a file of the visitor's own thread; ?thumb=1 its preview. The frame fetches it with the token and shows
// it as a blob, so that no address of it is worth anything to others.
func (s *Server) media(c *fiber.Ctx) error {
	site, err := s.site(c)
	if err != nil {
		return err
	}
	visitor, err := s.visitor(c, site)
	if err != nil {
		return err
	}
	id, err := chat.ParseID[chat.AttachmentID](c.Params("id"))
	if err != nil {
		return err
	}
	body, file, err := s.deps.Files.OpenMedia(web.Context(c), site.account.ID, visitor.Address, id, c.Query("thumb") == "1")
	if err != nil {
		return err
	}
	for name, value := range media.Headers(file.Type, file.Name, true) {
		c.Set(name, value)
	}
	c.Set(fiber.HeaderCacheControl, "private, no-store")
	size := -1
	if file.Size > 0 && file.Size <= math.MaxInt32 {
		size = int(file.Size)
	}
	return c.SendStream(body, size) // fasthttp closes it
}

// tooMany refuses with the time to wait.
func tooMany(wait time.Duration) error {
	seconds := int64(math.Ceil(wait.Seconds()))
	return chat.Errorf(chat.CodeRateLimited, "too many, wait %d s", seconds).With("retry_after", seconds)
}

// note logs an error of ours; refusals are no errors.
func (s *Server) note(what string, err error) {
	if code := chat.CodeOf(err); err != nil && (code == chat.CodeInternal || code == chat.CodeUnavailable) {
		s.deps.Log.Error("widget: could not do a thing for a visitor", slog.String("what", what), slog.Any("error", err))
	}
}
