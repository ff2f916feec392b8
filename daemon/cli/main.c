/*
 * hallmark: the vendor's commands over HTTPS.
 */
int
main(void)
{
	return 1;
}
